"""What a page tells of: a results folder, or the documents of one run. Read only.

Files come from anywhere and may be cut short, so nothing in them is taken on trust: whatever has
another shape than it should counts as not there, and `problems` says so in a line for the page.

    material = source.of_folder(path)                      # raises Bad where there is no experiment
    material = source.of_documents([Path("client.json"), Path("server.json")])
    material.client(run), material.server(run), material.series(run)      # None: not there
"""

import dataclasses
import json
import math
import pathlib

from experiment import figures, folder, row

SCHEMA = "echo-testbed/1"
MISSING = "What it would show is missing below."
#: Up to so many documents that are not there are named one by one.
FEW_ABSENT = 3


class Bad(Exception):
    """Nothing to report on; one line that says why."""


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def at(document, *keys):
    """document[key][key]..., None as soon as something is missing."""
    for key in keys:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def number_at(document, *keys):
    value = at(document, *keys)
    return value if is_number(value) else None


def list_at(document, *keys):
    value = at(document, *keys)
    return value if isinstance(value, list) else []


def text_at(document, *keys):
    """Text that says something, or None."""
    value = at(document, *keys)
    return value.strip() or None if isinstance(value, str) else None


@dataclasses.dataclass
class Material:
    path: pathlib.Path  #: the folder that documents lie in
    experiment: dict
    runs: list
    single: bool = False  #: one run by itself, without an experiment around it
    problems: list = dataclasses.field(default_factory=list)
    _documents: dict = dataclasses.field(default_factory=dict)
    _absent: list = dataclasses.field(default_factory=list)

    def client(self, run):
        return self._document(run, "client", sound_client)

    def server(self, run):
        return self._document(run, "server", sound_server)

    def series(self, run):
        """The lines of --series; [] without."""
        return self._document(run, "series", None) or []

    def read_all(self):
        """So that `problems` is complete before the page begins."""
        for run in self.runs:
            self.client(run), self.server(run), self.series(run)
        # Results are often published without them: that is one thing to say, not one for each.
        if len(self._absent) > FEW_ABSENT:
            self.problems.append(
                f"{len(self._absent)} documents of runs are not in the folder, the first is "
                f"{self._absent[0]}. What they would show is missing below."
            )
        else:
            for name in self._absent:
                self.problems.append(f"{name}: not in the folder. {MISSING}")
        self._absent.clear()

    def _document(self, run, kind, sound):
        name = run.documents.get(kind)
        if not isinstance(name, str):
            return None
        key = (id(run), kind)
        if key not in self._documents:
            self._documents[key] = self._load(run, kind, name, sound)
        return self._documents[key]

    def _load(self, run, kind, name, sound):
        path = self.path / name
        try:
            if not path.resolve().is_relative_to(self.path.resolve()):
                raise ValueError("lies outside of the folder")
            text = path.read_text()
            if kind == "series":
                return sound_series(text)
            document = json.loads(text)
            sound(document)
            return document
        except FileNotFoundError:
            self._absent.append(name)
            return None
        except OSError as error:
            why = error.strerror
        except (ValueError, RecursionError) as error:
            why = "is no JSON" if isinstance(error, json.JSONDecodeError) else str(error)
        where = "" if self.single else f"Run {run.run}: "
        self.problems.append(f"{where}{name}: {why}. {MISSING}")
        return None


# ---- a folder ------------------------------------------------------------------------------------
def of_folder(path):
    path = pathlib.Path(path)
    try:
        there = folder.Folder.open(path)
    except folder.Refused as error:
        raise Bad(str(error)) from error
    problems = []
    try:
        told = there.runs()
        lines = sum(1 for line in (path / folder.RUNS).read_text().splitlines() if line.strip())
    except OSError:
        told, lines = [], 0
    except ValueError as error:
        raise Bad(f"{path / folder.RUNS}: {error}") from error
    found = [clean for clean in map(_clean, told) if clean]
    if len(found) < lines:
        lost = lines - len(found)
        problems.append(
            f"{folder.RUNS}: {lost} of {lines} lines cannot be read; {'that run is' if lost == 1 else 'those runs are'} missing below."
        )
    return Material(path, there.experiment, found, problems=problems)


def _clean(run):
    """A run of which each field is what it should be; None: it is no run."""
    if not isinstance(run.run, int) or not isinstance(run.cell, dict):
        return None
    run.cell = {str(name): str(level) for name, level in run.cell.items()}
    given = run.figures if isinstance(run.figures, dict) else {}
    run.figures = {str(name): value for name, value in given.items() if is_number(value)}
    for name in ("steal", "load1", "took_s"):
        if not is_number(getattr(run, name)):
            setattr(run, name, None)
    for name in ("warnings", "server", "client"):
        value = getattr(run, name)
        setattr(run, name, [str(one) for one in value] if isinstance(value, list) else [])
    run.documents = run.documents if isinstance(run.documents, dict) else {}
    run.outcome = str(run.outcome)
    run.why = None if run.why is None else str(run.why)
    run.block = run.block if isinstance(run.block, int) else 0
    return run


# ---- documents of one run ------------------------------------------------------------------------
def of_documents(paths):
    """One client's and one server's document and the client's series, in any order."""
    found = {}
    for path in paths:
        kind = _kind(path)
        if kind in found:
            raise Bad(f"{path}: a second {kind} document; a page of one run takes one of each")
        found[kind] = path
    if "client" not in found and "server" not in found:
        raise Bad(f"{paths[0]}: a series needs the client's document beside it")
    client_path, server_path = found.get("client"), found.get("server")
    client = _sound(client_path, sound_client) if client_path else None
    server = _sound(server_path, sound_server) if server_path else None
    if client_path and "series" not in found:
        series = _series_beside(client_path, client)
        if series:
            found["series"] = series
    run = row.Run(1, 1, 1, {}, "measured")
    run.began = text_at(client or server, "environment", "time")
    run.figures = figures.read(client, server)
    run.steal = number_at(client, "cpu", "steal")
    run.warnings = list_at(client, "warnings") + list_at(server, "warnings")
    run.client = [str(word) for word in list_at(client, "argv")]
    base = pathlib.Path("/")
    run.documents = {kind: str(path.resolve().relative_to(base)) for kind, path in found.items()}
    _clean(run)
    told = {
        "kind": "run",
        "name": _name_of_run(client, server),
        "begun": run.began,
        "primary": "server_ns_per_echo",
        "manifest": {},
    }
    return Material(base, told, [run], single=True)


def _kind(path):
    if path.suffix == ".jsonl":
        if not path.is_file():
            raise Bad(f"{path}: no such file")
        return "series"
    document = _json(path)
    if at(document, "program") == "client":
        return "client"
    if at(document, "schema") == SCHEMA and isinstance(at(document, "workers"), list):
        return "server"
    raise Bad(f"{path}: neither client --json nor server --json wrote this")


def _json(path):
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise Bad(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise Bad(f"{path}: no JSON ({error})") from error


def _sound(path, check):
    document = _json(path)
    try:
        check(document)
    except ValueError as error:
        raise Bad(f"{path}: {error}") from error
    return document


def _series_beside(path, client):
    """Where the client says that it wrote its series, or beside its document by the same name."""
    name = text_at(client, "options", "series")
    if not name:
        return None
    for candidate in (path.parent / pathlib.Path(name).name, pathlib.Path(name)):
        if candidate.is_file():
            return candidate
    return None


def _name_of_run(client, server):
    model, mode = text_at(server, "model"), text_at(client, "mode")
    count = number_at(client, "connections", "requested")
    words = [model or "One run", mode, None if count is None else f"{count:,} connections"]
    return ", ".join(word for word in words if word)


# ---- the shapes that the page relies on ----------------------------------------------------------
def sound_client(document):
    _schema(document)
    warm_up = at(document, "phases", "warm_up", "echo")
    for histogram in [*_histograms(document), warm_up]:
        if histogram is None:
            continue
        bins = histogram.get("bins") if isinstance(histogram, dict) else None
        if not isinstance(bins, list) or not all(map(_is_bin, bins)):
            raise ValueError("a histogram in it has another form than it should")


def _histograms(document):
    return [at(document, "latency", name) for name in ("connect", "echo", "wire", "lateness")]


def _is_bin(one):
    return isinstance(one, list) and len(one) == 2 and all(isinstance(n, int) and n >= 0 for n in one)


def sound_server(document):
    _schema(document)
    series = at(document, "series")
    if not isinstance(series, list):
        raise ValueError("it has no series")
    for interval in series:
        workers = at(interval, "workers")
        times = number_at(interval, "from_ns"), number_at(interval, "to_ns")
        if None in times or not isinstance(workers, list):
            raise ValueError("its series has another form than it should")


def _schema(document):
    if at(document, "schema") != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA}")


def sound_series(text):
    """Its lines; one that was cut short at the end is left out."""
    lines = [line for line in text.splitlines() if line.strip()]
    found = []
    for index, line in enumerate(lines):
        try:
            told = json.loads(line)
        except ValueError:
            if index == len(lines) - 1:
                break
            raise ValueError(f"line {index + 1} is no JSON") from None
        if number_at(told, "at_ns") is None:
            raise ValueError(f"line {index + 1} tells no time")
        found.append(told)
    return found
