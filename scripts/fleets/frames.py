"""The frames in the output of ranks: lines of at most 1,000 bytes with a checksum. Pure.

    @echo-testbed RANK KIND PART/PARTS CRC TEXT

The output may hold other lines (a banner, warnings of a launcher), and lines that are torn: mpirun
forwards what it reads of each rank in pieces of any size, so a line of one rank may go on behind lines
of others. The checksum finds which rest belongs to which beginning. What fits nothing is dropped; so is
a frame that misses a part. Nothing that a host sends takes more than a bounded amount of memory.

    reader = Reader(ranks=4)
    frames, other = reader.feed(data)          [Frame(0, "hello", {...})], [b"Welcome to h1"]
"""

import dataclasses
import zlib

import documents

from .launcher import MOST_RANKS

MARK = b"@echo-testbed "
#: What a client sends; a frame of another kind is dropped.
KINDS = frozenset(
    "hello clock refused ready progress standing document merged end".split()
)
#: Bytes: of a line that may be a frame, of a frame's text, of all that is kept of other lines.
LONGEST_LINE, LARGEST, SHOWN = 4096, 32 << 20, 400
#: Bytes of the unfinished frames of all ranks together.
LARGEST_IN_ALL = 256 << 20
#: Beginnings of lines that are kept until their rest comes, and bytes of a line that a client writes.
MOST_TORN, LONGEST_WHOLE = 16, 1000


@dataclasses.dataclass(frozen=True)
class Frame:
    rank: int
    kind: str
    value: object  #: of the JSON


@dataclasses.dataclass
class Unfinished:
    parts: int
    texts: list = dataclasses.field(default_factory=list)
    size: int = 0  #: bytes of all texts


def line_of(rank, kind, part, parts, text):
    """One line, with its newline. `text`: bytes."""
    head = b"%d %s %d/%d" % (rank, kind.encode(), part, parts)
    return MARK + head + b" %08x " % zlib.crc32(head + b" " + text) + text + b"\n"


def parsed(line):
    """(rank, kind, part, parts, text) of a line that begins with MARK; None if it does not fit."""
    words = line[len(MARK) :].split(b" ", 4)
    if len(words) < 5:
        return None
    rank, kind, part, crc, text = words
    head = b" ".join((rank, kind, part))
    part, _, parts = part.partition(b"/")
    numbers = (rank, part, parts)
    if len(crc) != 8 or not all(len(one) < 8 and one.isdigit() for one in numbers):
        return None
    try:
        if int(crc, 16) != zlib.crc32(head + b" " + text):
            return None
    except ValueError:
        return None
    rank, part, parts = map(int, numbers)
    kind = kind.decode(errors="replace")
    if kind not in KINDS or not 1 <= part <= parts:
        return None
    return rank, kind, part, parts, text


def fits(beginning, piece, at):
    """Whether the checksum in `beginning` is that of it and of what follows in `piece`; True where it
    is cut before its text. Cheap: called for each place of a piece."""
    words = beginning[len(MARK) :].split(b" ", 4)
    if len(words) < 5:
        return True
    head = b" ".join(words[:3]) + b" " + words[4]
    return b"%08x" % zlib.crc32(piece[at:], zlib.crc32(head)) == words[3]


class Reader:
    """Of one pipe. `rank`: the only one whose frames are taken; None: any below `ranks`."""

    def __init__(self, ranks=MOST_RANKS, rank=None):
        self.ranks, self.rank = ranks, rank
        self.buffer, self.skipping = b"", False
        self.unfinished = {}  #: {(rank, kind): Unfinished}
        self.held = 0  #: bytes in `unfinished`
        self.torn = []  #: beginnings of lines, of a pipe that several ranks share
        self.dropped = 0  #: lines and frames that did not fit

    def feed(self, data):
        """([Frame], [other lines])"""
        *lines, rest = (self.buffer + data).split(b"\n")
        frames, other = [], []
        for line in lines:
            if self.skipping:
                self.skipping = False
                continue
            self._line(line.removesuffix(b"\r"), frames, other)
        if len(rest) > LONGEST_LINE:
            if not self.skipping:
                other.append(rest[:SHOWN])
            rest, self.skipping = b"", True
        self.buffer = rest
        return frames, other

    def _line(self, line, frames, other):
        if self.rank is None:
            self._shared_line(line, frames, other)
            return
        at = line.rfind(MARK)
        if at < 0:
            if line.strip():
                other.append(line[:SHOWN])
            return
        found = parsed(line[at:])
        if found is None or not self._is_expected(found[0]):
            self.dropped += 1
        else:
            self._part(*found, frames)
        before = line[:at]
        if before.strip() and MARK not in before:
            other.append(before[:SHOWN])

    def _shared_line(self, line, frames, other):
        """A line of a pipe into which several ranks write: whole, or beginnings and rests of some."""
        before, *marked = line.split(MARK)
        for piece in (before, *(MARK + one for one in marked)):
            found = parsed(piece) if piece.startswith(MARK) else None
            if found is None:
                piece, found = self._completed(piece)
                self._keep(piece, other)
            if found is not None and self._is_expected(found[0]):
                self._part(*found, frames)

    def _completed(self, piece):
        """(what is left of the piece, the parsed line that its end completes, or None)"""
        # At most a beginning and the rest of another.
        for beginning in self.torn if len(piece) <= 2 * LONGEST_WHOLE else ():
            for at in range(len(piece)):
                if not fits(beginning, piece, at):
                    continue
                found = parsed(beginning + piece[at:])
                if found is not None:
                    self.torn.remove(beginning)
                    return piece[:at], found
        return piece, None

    def _keep(self, piece, other):
        """The beginning of a torn line, or another line."""
        if not piece.startswith(MARK) and not (piece and MARK.startswith(piece)):
            if piece.strip():
                other.append(piece[:SHOWN])
            return
        if len(piece) > LONGEST_WHOLE:
            self.dropped += 1
            return
        self.torn.append(piece)
        if len(self.torn) > MOST_TORN:
            del self.torn[0]
            self.dropped += 1

    def _is_expected(self, rank):
        return rank < self.ranks if self.rank is None else rank == self.rank

    def _part(self, rank, kind, part, parts, text, frames):
        """The parts of a frame come in order."""
        key = rank, kind
        if part == 1:
            self._forget(key)
            self.unfinished[key] = Unfinished(parts)
        held = self.unfinished.get(key)
        if held is None or held.parts != parts or len(held.texts) != part - 1:
            self.dropped += 1
            self._forget(key)
            return
        held.texts.append(text)
        held.size += len(text)
        self.held += len(text)
        if self.held > LARGEST_IN_ALL or held.size > LARGEST:
            self.dropped += 1
            self._forget(key)
        elif part == parts:
            self._forget(key)
            try:
                value = documents.parse_json(b"".join(held.texts).decode())
            except ValueError:
                self.dropped += 1
                return
            frames.append(Frame(rank, kind, value))

    def _forget(self, key):
        held = self.unfinished.pop(key, None)
        self.held -= held.size if held else 0
