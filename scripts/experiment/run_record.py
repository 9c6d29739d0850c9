"""A run as a line of runs.jsonl: its commands, its outcome and its figures.

Outcomes: measured (both programs exited as they should and every connection was served, or the
client's options tolerate the failures); refused (exit 3: the machine's limits); infeasible (exit 2:
the options exclude each other); faulted (a signal that the scripts did not send killed the server);
failed (anything else). Only measured runs enter statistics.
"""

import dataclasses
import datetime

from documents import is_number

OUTCOMES = ("measured", "failed", "refused", "infeasible", "faulted")


@dataclasses.dataclass
class Run:
    """A line of runs.jsonl; docs/schema/experiment.json describes each field."""

    run: int
    block: int
    place: int
    cell: dict
    outcome: str
    why: str | None = None
    began: str | None = None
    took_s: float = 0.0
    server: list = dataclasses.field(default_factory=list)
    client: list = dataclasses.field(default_factory=list)
    server_exit: int | None = None
    client_exit: int | None = None
    figures: dict = dataclasses.field(default_factory=dict)
    steal: float | None = None
    load1: float | None = None
    warnings: list = dataclasses.field(default_factory=list)
    documents: dict = dataclasses.field(default_factory=dict)

    def as_json(self):
        return dataclasses.asdict(self)

    @classmethod
    def of_json(cls, line):
        """From a line of any origin: a field of another type is absent. Raises ValueError where
        the line is no run."""
        line = line if isinstance(line, dict) else {}
        cell = line.get("cell")
        if not _is_whole(line.get("run")) or not isinstance(cell, dict):
            raise ValueError("not a run")
        names = {field.name for field in dataclasses.fields(cls)}
        needed = {name: line.get(name) for name in ("block", "place", "outcome")}
        found = cls(**(needed | {name: line[name] for name in line.keys() & names}))
        found.clean()
        return found

    def clean(self):
        """Gives each field its type."""
        self.cell = {str(name): str(level) for name, level in self.cell.items()}
        given = self.figures if isinstance(self.figures, dict) else {}
        self.figures = {str(name): each for name, each in given.items() if is_number(each)}
        for name in ("steal", "load1"):
            if not is_number(getattr(self, name)):
                setattr(self, name, None)
        if not is_number(self.took_s) or self.took_s < 0:
            self.took_s = 0.0
        for name in ("warnings", "server", "client"):
            value = getattr(self, name)
            setattr(self, name, [str(one) for one in value] if isinstance(value, list) else [])
        for name in ("server_exit", "client_exit"):
            if not _is_whole(getattr(self, name)):
                setattr(self, name, None)
        for name in ("block", "place"):
            if not _is_whole(getattr(self, name)):
                setattr(self, name, 0)
        paths = self.documents if isinstance(self.documents, dict) else {}
        self.documents = {name: path for name, path in paths.items() if isinstance(path, str)}
        if self.outcome not in OUTCOMES:
            self.outcome = "failed"
        for name in ("why", "began"):
            value = getattr(self, name)
            setattr(self, name, None if value is None else str(value))

    @property
    def measured(self):
        return self.outcome == "measured"

    @property
    def impossible(self):
        """Whether every run of the cell would end the same way."""
        return self.outcome in ("refused", "infeasible")


def now():
    return datetime.datetime.now().astimezone().isoformat(timespec="milliseconds")


def _is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)
