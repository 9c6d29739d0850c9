"""results/index.json: the experiments that lie there, for whoever looks for one."""

import contextlib
import json

from . import folder_lock
from .atomic import CannotWrite, write_atomically

INDEX, LOCK_FILE = "index.json", ".index-in-turn"


def update(folder):
    """results/index.json, only in a folder called results: elsewhere nobody asked for one."""
    parent = folder.path.absolute().parent
    if parent.name != "results":
        return
    # The results themselves matter, not their list.
    with contextlib.suppress(CannotWrite, OSError), folder_lock.short_lock(parent / LOCK_FILE):
        _rewrite(folder, parent / INDEX)


def _rewrite(folder, path):
    entries = []
    with contextlib.suppress(OSError, ValueError):
        entries = [one for one in json.loads(path.read_text()) if isinstance(one, dict)]
    told = folder.experiment
    entry = {
        "name": told.get("name"),
        "when": told.get("begun"),
        "kind": told.get("kind"),
        "question": told.get("question"),
        "answer": told.get("answer"),
        "status": told.get("status"),
        "folder": folder.path.name,
    }
    entries = [one for one in entries if one.get("folder") != entry["folder"]] + [entry]
    entries.sort(key=lambda one: (one.get("when") or "", one.get("folder") or ""))
    write_atomically(path, entries)
