"""The frames in the output of ranks: lines of at most 1,000 bytes with a checksum. Pure.

    @echo-testbed RANK KIND PART/PARTS CRC TEXT

The output may hold other lines (a banner, warnings of a launcher), and lines that are torn, because
mpirun forwards what it reads in pieces of any size. What does not fit its checksum is dropped; so
is a frame that misses a part. Nothing that a host sends takes more than a bounded amount of memory.

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


class Reader:
    """Of one pipe. `rank`: the only one whose frames are taken; None: any below `ranks`."""

    def __init__(self, ranks=MOST_RANKS, rank=None):
        self.ranks, self.rank = ranks, rank
        self.buffer, self.skipping = b"", False
        self.unfinished = {}  #: {(rank, kind): Unfinished}
        self.held = 0  #: bytes in `unfinished`
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
