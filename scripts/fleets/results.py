"""The documents of the ranks, kept as they come, and merged by `client merge`."""

import contextlib
import json
import pathlib
import subprocess
import tempfile

import documents
import outputs
from experiment import atomic

#: Seconds for `client merge`: a document of 200 KB takes some milliseconds.
PATIENCE = 60


class Failed(Exception):
    """Nothing can be merged; one line."""


class Results:
    """`folder`: where the documents are kept; None: in one that is removed at the end."""

    def __init__(self, binaries, folder=None):
        self.client, self.kept = binaries / "client", {}
        self.removed = None if folder else tempfile.TemporaryDirectory(prefix="echo-testbed-")
        self.folder = pathlib.Path(folder or self.removed.name)

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_):
        if self.removed:
            self.removed.cleanup()

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
        """In place of those of the ranks."""
        path = self.folder / "merged.json"
        outputs.replace(path, json.dumps(document) + "\n")
        self.kept = {0: path}

    def merge(self, missing, hgrm):
        """(exit code, text, document, percentile file or None). `missing`: {number: (host, why)}."""
        if not self.kept:
            raise Failed("no rank's results came")
        with tempfile.TemporaryDirectory(prefix="echo-testbed-") as folder:
            merged, percentiles = pathlib.Path(folder) / "merged", pathlib.Path(folder) / "hgrm"
            words = [self.client, "merge", "--json", merged]
            words += ["--hgrm", percentiles] if hgrm else []
            for number, (host, why) in sorted(missing.items()):
                words += ["--missing", f"{number}={host}: {why}"]
            words += [self.kept[number] for number in sorted(self.kept)]
            done = self._run(words)
            document = None
            with contextlib.suppress(OSError, ValueError):
                document = documents.read_json(merged)
            if document is None:
                last = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
                raise Failed(f"client merge: {last}")
            return done.returncode, done.stdout, document, percentiles.read_text() if hgrm else None

    @staticmethod
    def _run(words):
        try:
            return subprocess.run(
                list(map(str, words)), capture_output=True, text=True, errors="replace",
                timeout=PATIENCE, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            raise Failed(f"{words[0]}: {error.strerror}") from error
        except subprocess.TimeoutExpired:
            raise Failed(f"client merge: no end within {PATIENCE} s") from None


def write(place, text):
    """To the file, or to stdout for -."""
    if place == "-":
        print(text, end="", flush=True)
    else:
        outputs.replace(place, text)


def text_of(document):
    return atomic.text_of(document)
