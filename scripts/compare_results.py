"""A comparison as a whole: its plan, each run, and its file.

The file holds every run with its own figures, so that a reader who doubts a median sees what it is
made of. `spread` has the least, the median and the largest value of each figure. The file is
rewritten after each round, by a rename: a kill or a full disk leaves the rounds before. The same as
a folder: compare_folder.py.
"""

import collections
import dataclasses

import comparison_form
import compare_plan
import compare_runs
import compare_table
import documents
from comparison_form import SCHEMA
from experiment import atomic


@dataclasses.dataclass
class Comparison:
    models: list
    modes: list
    connections: list
    rounds: int
    window: float
    warm_up: float
    seed: int
    cpus: tuple | None = None
    traits: dict = dataclasses.field(default_factory=dict)
    runs: list = dataclasses.field(default_factory=list)
    environment: dict | None = None
    seconds: float = 0
    exit_code: int | None = None  #: None: not over yet

    @classmethod
    def of(cls, options, models):
        made = cls(
            models=models,
            modes=options.modes,
            connections=options.connections,
            rounds=options.rounds,
            window=options.seconds,
            warm_up=options.warm_up,
            seed=options.seed,
            cpus=options.cpus,
        )
        made.traits = {model: compare_runs.Traits() for model in models}
        return made

    @property
    def cells(self):
        return compare_plan.cells_of(self.models, self.modes, self.connections)

    @staticmethod
    def cell_of(run):
        return compare_plan.Cell(run.model, run.mode, run.connections)

    def serves(self, model):
        return not self.traits[model].refusal and not self.traits[model].failure

    def only(self, models, modes, connections):
        """The part of it with these models, modes and numbers of connections."""
        part = dataclasses.replace(self, models=models, modes=modes, connections=connections)
        cells = set(part.cells)
        part.traits = {model: self.traits[model] for model in models}
        part.runs = [run for run in self.runs if self.cell_of(run) in cells]
        return part

    def problems(self):
        """What keeps the comparison from being complete, in words. What a model cannot do is no
        problem: its row reports it."""
        found = []
        for model in self.models:
            if self.traits[model].failure:
                found.append(f"{model}: {self.traits[model].failure}")
        for run in self.runs:
            where = f"{run.model}, {run.mode}, {run.connections:,}, round {run.round}"
            if run.outcome == "failed":
                found.append(f"{where}: {run.why}")
            elif run.outcome == "measured" and run.unexplained:
                causes = ", ".join(f"{cause} {n:,}" for cause, n in run.unexplained.items())
                found.append(f"{where}: {causes}, which its server does not account for")
        reached = {self.cell_of(run) for run in self.runs}
        missing = [c for c in self.cells if c not in reached and self.serves(c.model)]
        if missing:
            found.append(f"{len(missing)} of {len(self.cells)} cells were not reached")
        return found

    def verdict(self):
        """0 where each cell was measured, or its server reports why it cannot be; else 1."""
        return 1 if self.problems() else 0

    def spread(self):
        """Least, median and largest value of each figure, for each cell that was measured."""
        runs = collections.defaultdict(list)
        for run in self.runs:
            if run.outcome == "measured":
                runs[self.cell_of(run)].append(run)
        found = []
        for cell in self.cells:
            figures = {}
            for name in runs[cell][0].figures if runs[cell] else ():
                values = [run.figures[name] for run in runs[cell] if run.figures[name] is not None]
                if values:
                    figures[name] = [min(values), compare_table.median(values), max(values)]
            rounds = len(runs[cell])
            found.append({**dataclasses.asdict(cell), "rounds": rounds, "figures": figures})
        return found

    def document(self):
        return {"schema": SCHEMA, **dataclasses.asdict(self)}

    def write(self, path):
        """Raises atomic.CannotWrite."""
        atomic.write_atomically(path, {**self.document(), "spread": self.spread()})

    @classmethod
    def read(cls, path):
        """Raises OSError, ValueError."""
        return cls.of_document(documents.read_json(path))

    @classmethod
    def of_document(cls, document):
        """Raises ValueError where it is none. `spread` is computed again."""
        wrong = comparison_form.problem(document)
        if wrong:
            raise ValueError(wrong)
        names = {field.name for field in dataclasses.fields(cls)}
        found = cls(**{name: document[name] for name in document.keys() & names})
        found.traits = {
            model: compare_runs.Traits(**traits) for model, traits in found.traits.items()
        }
        found.runs = [compare_runs.Run(**run) for run in found.runs]
        return found
