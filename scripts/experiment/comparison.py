"""Comparison of two servers in interleaved pairs, or of two results folders.

    sides = comparison.Sides(programs, "callbacks", "callbacks --work cpu:300ns")
    sides.spec({"server": sides.levels[1]})
    comparison.of_folders(one, other, "server_ns_per_echo")     answers and pairs
"""

import dataclasses
import math
import shlex
import statistics

from . import answer, answer_text, figures, folder, foreign_server, live_table, manifest, options
from . import plan, runs, session, sweep_design

FACTOR = "server"
#: Seconds that a run takes at least in addition to its window (docs/experiments.md).
OVERHEAD = 0.08
#: The figures that show whether the client did the same work with both servers.
CLOCK_FIGURES = ("server_ns_per_echo", "client_ns_per_echo", "echoes_per_wait")
#: Largest ratio of batch sizes without a warning. Batches of 10 echoes instead of 19 raised the
#: client's cost by 5 % (docs/experiments.md).
SIMILAR_BATCHES = 1.5


class Sides:
    """`one` and `other`: PROGRAM:MODEL --options, the path of another build's program, a model's
    name, or a command with {port}. Two equal sides are an A/A comparison."""

    def __init__(self, programs, one, other, client=(), cpus=(None, None), keep=True):
        self.programs, self.client, self.cpus, self.keep = programs, list(client), cpus, keep
        self.unchecked = []  #: programs too old to describe themselves: try_out() alone checks them
        self.servers = [self._server(one), self._server(other)]
        self.levels = list(self.servers)
        if self.levels[0] == self.levels[1]:
            self.levels[1] += " (again)"
        self.factor = plan.Factor(FACTOR, "server", None, tuple(self.levels))

    def _server(self, text):
        if foreign_server.is_foreign(text):
            sweep_design.check_command(text, "side")
            return text
        words = sweep_design.split(text, "side")
        if not words:
            raise sweep_design.Usage(
                "a side is empty; allowed: PROGRAM:MODEL, a results folder or a command"
            )
        words[0] = options.absolute(words[0])
        program = words[0].partition(":")[0]
        if program.startswith("floor_"):
            return text
        if program in options.SERVERS or "/" in program:
            self._check(words[0], program)
        else:
            words[0] = self._model(words[0])
        return shlex.join(words)

    def _check(self, server, program):
        try:
            checked = self.programs.check_server(server)
        except options.Unknown as error:
            raise sweep_design.Usage(str(error)) from error
        if not checked and program not in self.unchecked:
            self.unchecked.append(program)

    def _model(self, name):
        """PROGRAM:MODEL of a model's name."""
        try:
            return self.programs.model(name)
        except options.TooOld as error:
            raise sweep_design.Usage(f"{name}: must be PROGRAM:MODEL, because {error}") from error
        except options.Unknown as error:
            raise sweep_design.Usage(
                f"{name}: not a results folder, a program or a command with {{port}}; {error}"
            ) from error

    def spec(self, cell):
        text = self.servers[self.levels.index(cell[FACTOR])]
        words = [] if foreign_server.is_foreign(text) else shlex.split(text)
        return runs.Spec(
            cell,
            words[0] if words else text,
            self.client,
            server_arguments=words[1:],
            cpus=self.cpus,
            settle=False,
            in_turns=self.cpus[0] is not None and self.cpus[0] == self.cpus[1],
            series=False,
            keep=self.keep,
        )

    def try_out(self):
        """Raises Usage if a side does not start because of its command line."""
        for level in self.levels:
            spec = self.spec({FACTOR: level})
            problem = sweep_design.server_problem(self.programs.binaries, spec)
            if problem:
                raise sweep_design.Usage(problem)
        problem = sweep_design.client_problems(self.programs.binaries, [tuple(self.client)])
        if any(problem.values()):
            raise sweep_design.Usage(*problem.values())


def pairs_in(seconds, window):
    """The largest number of pairs that fit into a time."""
    return max(int(seconds / (2 * (window + OVERHEAD / 2))), 1)


def spread_of(pairs):
    """Standard deviation of the pairs' log ratios, which determines how many pairs are needed."""
    logs = [math.log(value / base) for base, value, *_ in pairs if base > 0 and value > 0]
    return statistics.stdev(logs) if len(logs) > 1 else None


# ---- servers -------------------------------------------------------------------------------------
@dataclasses.dataclass
class PairDesign:
    """All that is decided before the first pair."""

    figure: str
    pairs: int  #: the exact number, or the largest if `by_time`
    by_time: bool  #: as many pairs as fit into cap_s; fewer than `pairs` is no failure
    cap_s: float | None
    seconds: float
    warm_up: float
    cool_down: float
    confidence: float
    seed: int
    name: str
    command: str


def measure(binaries, source, path, sides, design):
    """Measures the pairs that the folder does not hold yet. Returns (folder, exit code)."""
    experiment = experiment_of(sides, design)
    experiment["manifest"] = manifest.take(binaries, source)
    kept = folder.Folder.create(path, experiment)
    cells = plan.cells([sides.factor])

    def run_one(planned):
        spec = sides.spec(planned.cell)
        return runs.run(binaries, kept, spec, planned.run, planned.block, planned.place)

    cap_s = design.cap_s
    if design.by_time and kept.resumed:  # earlier runs count towards the time too
        cap_s -= sum(run.took_s + design.cool_down for run in kept.runs())
    with live_table.Table(kept.experiment, cells) as table:
        code = session.carry_out(
            kept,
            plan.blocks(cells, design.pairs, design.seed),
            run_one,
            cap_s,
            design.cool_down,
            table,
            capped_code=session.DONE if design.by_time else session.FAILED,
        )
    if design.by_time and kept.experiment["status"] == "capped":
        kept.update(status="complete")  # all pairs that fit into the time were measured
    return kept, session.conclude(kept, code, page=False, quiet=True)


def experiment_of(sides, design):
    about = figures.FIGURES[design.figure].about
    return {
        "kind": "compare",
        "name": design.name,
        "question": f"Does {sides.servers[1]} differ from {sides.servers[0]} in {about}?",
        "command": design.command,
        "design": {
            "factors": [sides.factor.as_json()],
            "fixed": {"server": None, "client": sides.client},
            "reps": design.pairs,
            "seed": design.seed,
            "seconds": design.seconds,
            "warm_up": design.warm_up,
            "cool_down": design.cool_down,
            "cap_s": design.cap_s,
            "confidence": design.confidence,
            "cpus": None if sides.cpus == (None, None) else list(sides.cpus),
        },
        "primary": design.figure,
        "figures": figures.as_json(),
    }


def pairs_of(kept):
    """The pairs of a comparison's folder: (value of A, value of B, other levels of the cell)."""
    base, level = kept.experiment["design"]["factors"][0]["levels"]
    return answer.pairs_of(kept.runs(), kept.experiment["primary"], FACTOR, level, base)


def clock(kept):
    """If the client was the clock, the Answers that show whether it was a valid one: for the
    server's time, the client's time and the client's batches, without a verdict. Else None."""
    if kept.experiment["primary"] != "server_by_client":
        return None
    measured = kept.runs()
    return [answer.comparisons(kept.experiment, measured, figure)[0] for figure in CLOCK_FIGURES]


def clock_text(clock):
    """Lines: the ratio in time, and a warning if the client's own work differed."""
    if not clock or None in (clock[0].low, clock[1].low):
        return []
    server, client, batch = clock
    lines = [f"In time, including the machine's variation: {server.text}."]
    why = []
    if not client.low <= 1 <= client.high:
        why.append(f"its own cost per echo differs: {client.text}")
    if batch.ratio and not 1 / SIMILAR_BATCHES <= batch.ratio <= SIMILAR_BATCHES:
        times = f"{batch.ratio:.2g} times as many"
        why.append(f"it receives {times} echoes per wait with {batch.level}")
    if why:
        lines.append(
            f"Warning: the client is the clock, and {'; '.join(why)}. If its work differs, use "
            "--figure server_ns_per_echo or both_ns_per_echo."
        )
    return lines


# ---- folders -------------------------------------------------------------------------------------
class Incomparable(Exception):
    """Two folders that must not be compared; `lines` list why."""

    def __init__(self, message, lines):
        super().__init__(message)
        self.lines = lines


def of_folders(one, other, figure, force=False):
    """(answers, pairs). The first answer joins all cells that both folders have; one per cell
    follows."""
    apart = manifest.incomparable(one.experiment["manifest"], other.experiment["manifest"])
    if apart and not force:
        message = "measured on different machines or with different builds"
        raise Incomparable(f"{message}: {'; '.join(apart)}", apart)
    confidence = one.experiment["design"].get("confidence", plan.CONFIDENCE)
    sides = [_values(folder, figure) for folder in (one, other)]
    cells = {}
    for run in one.runs():
        cells.setdefault(plan.key_of(run.cell), run.cell)
    level, base = (str(folder.path) for folder in (other, one))
    factor = {"name": "folder", "baseline": base}
    common = [key for key in sides[0] if key in sides[1]]
    triples = [(sides[0][key], sides[1][key], cells[key[1]]) for key in common]
    joined = answer.of_pairs(figure, factor, level, None, triples, confidence)
    answer.adjust([joined], confidence)
    found = [joined]
    for key, cell in cells.items():
        some = [triple for triple in triples if plan.key_of(triple[2]) == key]
        if some and len(cells) > 1:
            found.append(answer.of_pairs(figure, factor, level, cell, some, confidence))
    described = {"figures": figures.as_json()}
    for each in found:
        each.text = answer_text.clause(each, described)
    return found, triples


def _values(folder, figure):
    return {
        (run.block, plan.key_of(run.cell)): run.figures[figure]
        for run in folder.runs()
        if run.measured and run.figures.get(figure) is not None
    }
