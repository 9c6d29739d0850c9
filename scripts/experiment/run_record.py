"""A run as a line of runs.jsonl: its commands, its outcome and its figures.

Outcomes: measured (both programs exited as they should and every connection was served, or the
client's options tolerate the failures); refused (exit 3: the machine's limits); infeasible (exit 2:
the options exclude each other); faulted (a signal that the scripts did not send killed the server);
failed (anything else). Only measured runs enter statistics.
"""

import dataclasses
import datetime


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
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in line.items() if name in names})

    @property
    def measured(self):
        return self.outcome == "measured"

    @property
    def impossible(self):
        """Whether every run of the cell would end the same way."""
        return self.outcome in ("refused", "infeasible")


def now():
    return datetime.datetime.now().astimezone().isoformat(timespec="milliseconds")
