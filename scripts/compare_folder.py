"""A comparison as a results folder, in the form of the experiments' folders (experiment/folder.py).

    experiment.json   the plan, traits, environment, exit code; rewritten by a rename
    runs.jsonl        one line per run, appended and fsynced when the run ends

`spread` is not stored, because it follows from the runs: scripts/compare-models --from FOLDER
--json FILE writes it.
"""

import compare_results
import documents
from experiment import folder


class Folder:
    """A new folder, held for this process alone until it ends. Raises folder.Refused where the
    folder is not empty, and CannotWrite where it cannot be made."""

    def __init__(self, path):
        self.lock = folder.lock_folder(path)
        if any(path.iterdir()):
            self.lock.release()
            raise folder.Refused(f"--out {path}: not empty; name another folder")
        self.kept = folder.Folder(path, None)

    def store(self, comparison):
        """Appends the runs that are not there yet, and rewrites experiment.json. An interrupted
        `store` may have left half a line or a whole one, so the file itself is counted."""
        try:
            self.kept.cut_broken_line()
            stored = len(lines_of(self.kept.path))
        except OSError as error:
            raise folder.CannotWrite(f"{self.kept.path}: {error.strerror}") from error
        for run in comparison.runs[stored:]:
            self.kept.append(run)
        document = comparison.document()
        del document["runs"]
        folder.write_atomically(self.kept.path / folder.EXPERIMENT, document)


def lines_of(path):
    """The complete lines of runs.jsonl."""
    try:
        text = documents.read_text(path / folder.RUNS)
    except FileNotFoundError:
        return []
    return text[: text.rfind("\n") + 1].splitlines()


def read(path):
    """The comparison of a folder, or of a file that --json wrote. Raises OSError, ValueError."""
    if not path.is_dir():
        return compare_results.Comparison.read(path)
    document = documents.read_json(path / folder.EXPERIMENT)
    if not isinstance(document, dict):
        raise ValueError("must be an object")
    document["runs"] = [documents.parse_json(line) for line in lines_of(path)]
    return compare_results.Comparison.of_document(document)
