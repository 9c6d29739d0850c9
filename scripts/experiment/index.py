"""results/index.json: the list of the experiments in results/."""

import contextlib

import documents

from . import folder_lock
from .atomic import CannotWrite, write_atomically

INDEX, LOCK_FILE = "index.json", ".index-in-turn"


def update(folder):
    """Enters a folder in results/index.json. Only a parent folder named results has an index."""
    parent = folder.path.absolute().parent
    if parent.name != "results":
        return
    # Without the index the results are still complete.
    with contextlib.suppress(CannotWrite, OSError), folder_lock.short_lock(parent / LOCK_FILE):
        _rewrite(folder, parent / INDEX)


def _rewrite(folder, path):
    entries = []
    with contextlib.suppress(OSError, ValueError):
        there = documents.read_json(path)
        entries = [one for one in there if isinstance(one, dict)] if isinstance(there, list) else []
    experiment = folder.experiment
    entry = {
        "name": experiment.get("name"),
        "when": experiment.get("begun"),
        "kind": experiment.get("kind"),
        "question": experiment.get("question"),
        "answer": experiment.get("answer"),
        "status": experiment.get("status"),
        "folder": folder.path.name,
    }
    entries = [one for one in entries if one.get("folder") != entry["folder"]] + [entry]
    entries.sort(key=lambda one: (str(one.get("when") or ""), str(one.get("folder") or "")))
    write_atomically(path, entries)
