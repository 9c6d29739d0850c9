"""A results folder: the design, each run as soon as it ends, and the answers.

    experiment.json   the design, the manifest, the answers; replaced atomically
    runs.jsonl        one line per run, appended and fsynced when the run ends
    runs/             the programs' own documents
    (results/)index.json    next to the folder: name, time, question, answer and status of all

Measured runs survive a kill and a full disk: a line that could not be written completely is
truncated. The writer locks the folder (folder_lock.py). docs/schema/experiment.json describes both
formats.

    folder = Folder.create("results/stacks", experiment)      # new, or resumes the same design
    folder = Folder.create(None, experiment)                  # a new results/NAME-TIME
    folder.append(run); folder.update(status="complete"); Folder.open(path).runs()
"""

import contextlib
import itertools
import json
import os
import pathlib
import re
import time

import documents
import outputs

from . import design_form, folder_lock, index, run_record
from .atomic import CannotWrite, write_atomically

SCHEMA = "echo-testbed-experiment/1"
EXPERIMENT, RUNS = "experiment.json", "runs.jsonl"


class Refused(Exception):
    """The folder does not belong to this experiment; one line with the reason."""


class Folder:
    def __init__(self, path, experiment):
        self.path = pathlib.Path(path)
        self.experiment = experiment
        self.resumed = False
        self.lock = None  #: held by a writer until `release`

    @classmethod
    def create(cls, path, experiment):
        """A new folder, or an existing one of the same design, which is resumed. Keys that
        `experiment` lacks are set to null. `path`: None creates results/NAME-TIME."""
        whole = _with_defaults(experiment)
        path = new_path(whole["name"]) if path is None else pathlib.Path(path)
        lock = lock_folder(path)
        try:
            if any(path.iterdir()):
                folder = cls._resume(path, experiment)
            else:
                (path / "runs").mkdir()
                folder = cls(path, whole)
                folder.update()
        except OSError as error:
            lock.release()
            raise CannotWrite(f"{path}: {error.strerror}") from error
        except BaseException:
            lock.release()
            raise
        folder.lock = lock
        return folder

    def release(self):
        """Releases the lock, so that others may write. The process's end releases it too."""
        if self.lock:
            self.lock.release()

    @classmethod
    def _resume(cls, path, experiment):
        if not is_results_folder(path):
            raise Refused(f"--out {path}: not empty and not an experiment to resume")
        there = cls.open(path)
        what = design_difference(there.experiment, experiment)
        if what:
            raise Refused(f"--out {path}: holds another experiment ({what}); use another folder")
        there.resumed = True
        there.cut_broken_line()
        changes = {"status": "running", "ended": None}
        for name in ("command", "findings"):
            if name in experiment:
                changes[name] = experiment[name]
        there.experiment["design"]["cap_s"] = experiment.get("design", {}).get("cap_s")
        there.update(**changes)
        return there

    @classmethod
    def open(cls, path, any_form=False):
        """Opens a folder for reading. Raises Refused if it is not a results folder, or if a field
        that the statistics need has another form. `any_form`: the reader checks each field."""
        path = pathlib.Path(path)
        try:
            experiment = documents.read_json(path / EXPERIMENT)
        except OSError as error:
            raise Refused(f"{path / EXPERIMENT}: {error.strerror}") from error
        except ValueError as error:
            raise Refused(f"{path / EXPERIMENT}: not JSON ({error})") from error
        if not isinstance(experiment, dict) or experiment.get("schema") != SCHEMA:
            raise Refused(f"{path / EXPERIMENT}: its schema is not {SCHEMA}")
        wrong = None if any_form else design_form.problem(experiment)
        if wrong:
            raise Refused(f"{path / EXPERIMENT}: {wrong}")
        return cls(path, experiment)

    def update(self, **fields):
        """Changes keys of the experiment, in memory, on disk and in the index."""
        self.experiment.update(fields)
        write_atomically(self.path / EXPERIMENT, self.experiment)
        index.update(self)

    def append(self, run):
        """Appends a run and syncs it. A line that does not fit on the disk is truncated."""
        line = json.dumps(run.as_json(), allow_nan=False) + "\n"
        path = self.path / RUNS
        try:
            # Unbuffered: close() would retry a buffered write after the truncation.
            with open(path, "ab", buffering=0) as file:
                before = os.fstat(file.fileno()).st_size
                try:
                    outputs.write_all(file, line.encode())
                    os.fsync(file.fileno())
                except OSError:
                    os.ftruncate(file.fileno(), before)
                    raise
        except OSError as error:
            raise CannotWrite(f"{path}: {error.strerror}") from error

    def runs(self):
        """All runs in the folder, in the order in which they ended."""
        return [run for run in self.lines() if run]

    def lines(self):
        """The run of each line; None for a line that is no run, such as an incomplete last one."""
        try:
            lines = documents.read_bytes(self.path / RUNS).splitlines()
        except OSError:
            return []
        found = []
        for line in filter(bytes.strip, lines):
            try:
                found.append(run_record.Run.of_json(documents.parse_json(line.decode())))
            except ValueError:
                found.append(None)
        return found

    def cut_broken_line(self):
        """Truncates an incomplete last line, left by a kill during `append`."""
        path = self.path / RUNS
        with contextlib.suppress(FileNotFoundError):
            kept = path.read_bytes().rpartition(b"\n")
            whole = len(kept[0]) + len(kept[1])
            if kept[2]:
                os.truncate(path, whole)


def _with_defaults(experiment):
    empty = {
        "schema": SCHEMA,
        "kind": "sweep",
        "name": "experiment",
        "question": None,
        "source": None,
        "expects": None,
        "command": None,
        "begun": run_record.now(),
        "ended": None,
        "status": "running",
        "design": {},
        "primary": None,
        "figures": {},
        "manifest": {},
        "findings": [],
        "answers": [],
        "answer": None,
    }
    return empty | experiment


def design_difference(there, wanted):
    """Describes what differs between two experiments; None: they are the same. The time limit is
    not part of a design; programs, kernel and processor are."""
    for name in ("kind", "primary"):
        if wanted.get(name) != there.get(name):
            return f"its {name} is {there.get(name)}"
    old, new = there.get("design", {}), wanted.get("design", {})
    for name in sorted((old.keys() | new.keys()) - {"cap_s"}):
        if old.get(name) != json.loads(json.dumps(new.get(name))):
            return f"different {name.replace('_', ' ')}" + _values(name, old, new)
    for name in ("programs", "kernel", "cpu"):
        was, is_now = (one.get("manifest", {}).get(name) for one in (there, wanted))
        if was is not None and is_now is not None and was != json.loads(json.dumps(is_now)):
            return f"measured with a different {name.rstrip('s')}"
    return None


def _values(name, old, new):
    simple = (int, float, str, type(None))
    if isinstance(old.get(name), simple) and isinstance(new.get(name), simple):
        return f": {old.get(name)} there, {new.get(name)} here"
    return ""


def is_results_folder(path):
    """Whether the path is a results folder."""
    return (pathlib.Path(path) / EXPERIMENT).is_file()


def lock_folder(path):
    """Creates the folder if it is missing and returns its lock."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        return folder_lock.FolderLock(path)
    except folder_lock.Locked as error:
        raise Refused(f"--out {path}: {error}; wait until it ends or use another folder") from error
    except OSError as error:
        raise CannotWrite(f"{path}: {error.strerror}") from error


def new_path(name):
    """Creates results/NAME-YYYYMMDD-HHMMSS in the current folder. If the name is taken, because two
    experiments begin in the same second, it gets a suffix: -2, -3 and so on."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "experiment"
    first = f"{safe}-{time.strftime('%Y%m%d-%H%M%S')}"
    parent = pathlib.Path("results")
    for number in itertools.count(1):
        path = parent / (first if number == 1 else f"{first}-{number}")
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError as error:
            if not parent.is_dir():  # a file of that name
                raise CannotWrite(f"{parent}: {error.strerror}") from error
        except OSError as error:
            raise CannotWrite(f"{path}: {error.strerror}") from error
