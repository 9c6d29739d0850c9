"""The documents of the ranks, kept as they come, and merged by `client merge`."""

import contextlib
import json
import pathlib
import shutil
import subprocess
import tempfile

import documents
import outputs
import streams
from experiment import atomic

#: Seconds for `client merge`: a document of 200 KB takes some milliseconds.
PATIENCE = 60
#: Characters of a reason: 4,096 of them are the arguments of one command.
MOST_TEXT = 300


class Failed(Exception):
    """Nothing can be merged; one line."""


class Results:
    """`folder`: where the documents are kept; None: in one that is removed once they are merged."""

    def __init__(self, binaries, folder=None):
        self.client, self.kept = binaries / "client", {}
        self.whole = None  #: the merged document, if the ranks merged themselves
        self.is_ours = not folder
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="echo-testbed-"))

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind, *_):
        if self.is_ours and not (self.kept and kind is Failed):
            shutil.rmtree(self.folder, ignore_errors=True)

    def keep(self, rank):
        """Writes its document, with what is known of its clock at the end."""
        about = rank.document.get("rank")
        if isinstance(about, dict) and rank.after:
            after = rank.after
            about["clock_after"] = {
                "offset_ns": after.ns, "bound_ns": after.bound, "at_ns": after.at
            }  # fmt: skip
        path = self.folder / f"rank-{rank.number}.json"
        outputs.replace(path, json.dumps(rank.document) + "\n")
        self.kept[rank.number] = path

    def keep_merged(self, document):
        """In place of those of the ranks. It is the report: merged once more it would lose its ranks."""
        self.whole = document
        path = self.folder / "merged.json"
        outputs.replace(path, json.dumps(document) + "\n")
        self.kept = {0: path}

    def merge(self, missing, hgrm):
        """(exit code, text, document, percentile file or None). `missing`: {number: (host, why)}."""
        if not self.kept:
            raise Failed(
                "no rank's results came; what a rank wrote at its host (--json after --), "
                "`client merge` merges"
            )
        with tempfile.TemporaryDirectory(prefix="echo-testbed-") as folder:
            merged, percentiles = pathlib.Path(folder) / "merged", pathlib.Path(folder) / "hgrm"
            words = [self.client, "merge", "--json", merged]
            words += ["--hgrm", percentiles] if hgrm else []
            for number, (host, why) in sorted(missing.items()):
                words += ["--missing", f"{number}={one_line(f'{host}: {why}')}"]
            words += [self.kept[number] for number in sorted(self.kept)]
            done = self._run(words)
            document = None
            with contextlib.suppress(OSError, ValueError):
                document = documents.read_json(merged)
            if document is None:
                last = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
                raise Failed(f"client merge: {last}{self._where()}")
            if self.whole is not None:
                document = self.whole
            return done.returncode, done.stdout, document, percentiles.read_text() if hgrm else None

    def _where(self):
        return f"; the documents of the ranks are in {self.folder}"

    def _run(self, words):
        try:
            return subprocess.run(
                list(map(str, words)), capture_output=True, text=True, errors="replace",
                timeout=PATIENCE, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            raise Failed(f"{words[0]}: {error.strerror}{self._where()}") from error
        except subprocess.TimeoutExpired:
            raise Failed(f"client merge: no end within {PATIENCE} s{self._where()}") from None


def one_line(text):
    """What a host said, as a word of a command line: no NUL and no half of a character."""
    text = streams.printable(" ".join(text.split()))[:MOST_TEXT]
    return text.encode(errors="backslashreplace").decode()


def write(place, text):
    """To the file, or to stdout for -."""
    if place == "-":
        print(text, end="", flush=True)
    else:
        outputs.replace(place, text)


def text_of(document):
    return atomic.text_of(document)
