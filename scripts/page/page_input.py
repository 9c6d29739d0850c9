"""The input of a page: a results folder, or the documents of one run. Read only.

Files may come from anywhere and may be truncated, so their content is not trusted. Content of an
unexpected shape counts as absent, and `problems` holds a line for the page that reports it.

    material = page_input.of_folder(path)                      # raises Bad where there is no experiment
    material = page_input.of_documents([Path("client.json"), Path("server.json")])
    material.client(run), material.server(run), material.series(run)      # None: absent
"""

import dataclasses
import json
import pathlib

import documents
import forms
from experiment import figures, folder, run_record

from . import fields, merged

SCHEMA = "echo-testbed/1"
#: The rest of a histogram, beside its bins.
HISTOGRAM = {
    "censored": forms.Optional((forms.NUMBER, None)),
    "lowest_censored": forms.Optional((forms.NUMBER, None)),
    "at_least": forms.Optional([str]),
    "percentiles": forms.Optional(forms.Map((forms.NUMBER, None))),
}
MISSING = "What it would show is missing below."
#: Up to this many absent documents are named one by one.
FEW_ABSENT = 3


class Bad(Exception):
    """There is nothing to report on; the text is one line with the reason."""


@dataclasses.dataclass
class Material:
    path: pathlib.Path  #: the folder with the documents
    experiment: dict
    runs: list
    single: bool = False  #: one run, without an experiment
    problems: list = dataclasses.field(default_factory=list)
    _documents: dict = dataclasses.field(default_factory=dict)
    _absent: list = dataclasses.field(default_factory=list)

    def client(self, run):
        return self._document(run, "client", sound_client)

    def server(self, run):
        return self._document(run, "server", sound_server)

    def series(self, run):
        """The lines of --series; [] without one."""
        return self._document(run, "series", None) or []

    def read_all(self):
        """Loads every document, so that `problems` is complete before the page is written."""
        for run in self.runs:
            self.client(run), self.server(run), self.series(run)
        # Results are often published without documents: one warning for all of them is enough.
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
                raise ValueError("is outside the folder")
            text = documents.read_text(path)
            if kind == "series":
                return sound_series(text)
            document = documents.parse_json(text)
            sound(document)
            return document
        except FileNotFoundError:
            self._absent.append(name)
            return None
        except OSError as error:
            why = error.strerror
        except ValueError as error:
            why = "is not JSON" if isinstance(error, json.JSONDecodeError) else str(error)
        where = "" if self.single else f"Run {run.run}: "
        self.problems.append(f"{where}{name}: {why}. {MISSING}")
        return None


# ---- a folder ------------------------------------------------------------------------------------
def of_folder(path):
    path = pathlib.Path(path)
    try:
        there = folder.Folder.open(path, any_form=True)
    except folder.Refused as error:
        raise Bad(str(error)) from error
    problems = []
    told = there.lines()
    lines, found = len(told), [run for run in told if run]
    if len(found) < lines:
        lost = lines - len(found)
        problems.append(
            f"{folder.RUNS}: {lost} of {lines} lines cannot be read; {'that run is' if lost == 1 else 'those runs are'} missing below."
        )
    return Material(path, there.experiment, found, problems=problems)


# ---- documents of one run ------------------------------------------------------------------------
def of_documents(paths):
    """One client's and one server's document and the client's series, in any order."""
    found = {}
    for path in paths:
        kind = _kind(path)
        if kind in found:
            merge = "; `client merge --json FILE` makes one of several" if kind == "client" else ""
            raise Bad(f"{path}: a second {kind} document; the page of one run takes one of each{merge}")
        found[kind] = path
    if "client" not in found and "server" not in found:
        raise Bad(f"{paths[0]}: a series needs the client's document as well")
    client_path, server_path = found.get("client"), found.get("server")
    client = _sound(client_path, sound_client) if client_path else None
    server = _sound(server_path, sound_server) if server_path else None
    if client_path and "series" not in found:
        series = _series_beside(client_path, client)
        if series:
            found["series"] = series
    run = run_record.Run(1, 1, 1, {}, "measured")
    run.began = fields.text_at(client or server, "environment", "time")
    run.figures = figures.read(client, server)
    run.steal = fields.number_at(client, "cpu", "steal")
    run.warnings = fields.list_at(client, "warnings") + fields.list_at(server, "warnings")
    run.client = [str(word) for word in fields.list_at(client, "argv")]
    base = pathlib.Path("/")
    run.documents = {kind: str(path.resolve().relative_to(base)) for kind, path in found.items()}
    run.clean()
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
    if fields.at(document, "program") == "client":
        return "client"
    if fields.at(document, "schema") == SCHEMA and isinstance(fields.at(document, "workers"), list):
        return "server"
    raise Bad(f"{path}: not a document of client --json or of a server's --json")


def _json(path):
    try:
        return documents.read_json(path)
    except OSError as error:
        raise Bad(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise Bad(f"{path}: not JSON ({error})") from error


def _sound(path, check):
    document = _json(path)
    try:
        check(document)
    except ValueError as error:
        raise Bad(f"{path}: {error}") from error
    return document


def _series_beside(path, client):
    """The series that the client's document names: beside that document, or at its path."""
    name = fields.text_at(client, "options", "series")
    if not name:
        return None
    for candidate in (path.parent / pathlib.Path(name).name, pathlib.Path(name)):
        if candidate.is_file():
            return candidate
    return None


def _name_of_run(client, server):
    model, mode = fields.text_at(server, "model"), fields.text_at(client, "mode")
    count = fields.number_at(client, "connections", "requested")
    words = [model, merged.name(client)]
    words = [word for word in words if word] or ["One run"]
    words += [mode, None if count is None else f"{count:,} connections"]
    return ", ".join(word for word in words if word)


# ---- the shapes that the page relies on ----------------------------------------------------------
def sound_client(document):
    _schema(document)
    warm_up = fields.at(document, "phases", "warm_up", "echo")
    for histogram in [*_histograms(document), warm_up]:
        if histogram is None:
            continue
        bins = histogram.get("bins") if isinstance(histogram, dict) else None
        if not isinstance(bins, list) or not all(map(_is_bin, bins)):
            raise ValueError("a histogram in it has an unexpected form")
        if forms.problem(histogram, HISTOGRAM):
            raise ValueError("a histogram in it has an unexpected form")


def _histograms(document):
    names = ("connect", "echo", "wire", "lateness", "receive_lateness")
    return [fields.at(document, "latency", name) for name in names]


def _is_bin(one):
    return isinstance(one, list) and len(one) == 2 and all(_is_count(n) for n in one)


def _is_count(value):
    return isinstance(value, int) and fields.is_number(value) and value >= 0


def sound_server(document):
    _schema(document)
    series = fields.at(document, "series")
    if not isinstance(series, list):
        raise ValueError("it has no series")
    for interval in series:
        workers = fields.at(interval, "workers")
        times = fields.number_at(interval, "from_ns"), fields.number_at(interval, "to_ns")
        if None in times or not isinstance(workers, list):
            raise ValueError("its series has an unexpected form")


def _schema(document):
    if fields.at(document, "schema") != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA}")


def sound_series(text):
    """Its lines, without a truncated last line."""
    lines = [line for line in text.splitlines() if line.strip()]
    found = []
    for index, line in enumerate(lines):
        try:
            told = documents.parse_json(line)
        except ValueError:
            if index == len(lines) - 1:
                break
            raise ValueError(f"line {index + 1} is not JSON") from None
        if fields.number_at(told, "at_ns") is None:
            raise ValueError(f"line {index + 1} has no at_ns")
        found.append(told)
    return found
