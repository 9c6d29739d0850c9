"""Two sides beside each other: interleaved pairs of two servers, or two results folders. Pure but
for what `Sides` asks of the programs.

    sides = comparison.Sides(programs, "callbacks", "callbacks --work cpu:300ns")
    sides.spec({"server": sides.levels[1]})
    comparison.of_folders(one, other, "server_ns_per_echo")     answers, and the pairs
"""

import dataclasses
import math
import shlex
import statistics

from . import answer, answer_text, figures, folder, foreign_server, live_table, manifest, options
from . import plan, runs, session, sweep_design

FACTOR = "server"
#: What a run of compare takes beside its window, at the least; docs/experiments.md has the figure.
OVERHEAD = 0.08
#: What tells whether the client did the same work beside both.
CLOCK_FIGURES = ("server_ns_per_echo", "client_ns_per_echo", "echoes_per_wait")
#: Batches of 10 echoes instead of 19 made the client 5 % dearer (docs/experiments.md).
SIMILAR_BATCHES = 1.5


class Sides:
    """`one` and `other`: PROGRAM:MODEL --options, a path of another build's program, a model's
    name, or a command with {port}. The same twice is an A/A comparison."""

    def __init__(self, programs, one, other, client=(), cpus=(None, None), keep=True):
        self.programs, self.client, self.cpus, self.keep = programs, list(client), cpus, keep
        self.servers = [self._server(one), self._server(other)]
        self.levels = list(self.servers)
        if self.levels[0] == self.levels[1]:
            self.levels[1] += " (again)"
        self.factor = plan.Factor(FACTOR, "server", None, tuple(self.levels))

    def _server(self, text):
        if foreign_server.is_foreign(text):
            return text
        words = sweep_design.split(text, "side")
        if not words:
            raise sweep_design.Usage("a side is empty: PROGRAM:MODEL, a results folder or a command")
        program, _, model = words[0].partition(":")
        if program not in options.SERVERS and "/" not in program:
            if program.startswith("floor_"):
                return text
            try:
                words[0] = self.programs.model(words[0])
            except options.Unknown as error:
                raise sweep_design.Usage(
                    f"{words[0]}: no results folder, no program, no command with {{port}}, "
                    f"and no {error}"
                ) from error
        elif model and program in options.SERVERS:
            try:
                self.programs.model(words[0])
            except options.Unknown as error:
                raise sweep_design.Usage(str(error)) from error
        else:
            self.programs.of_server(words[0])  # Missing, where there is no such program
        return shlex.join(words)

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
        """Raises Usage where a side does not start because of how it is called."""
        for level in self.levels:
            problem = sweep_design.server_problem(self.programs.binaries, self.spec({FACTOR: level}))
            if problem:
                raise sweep_design.Usage(problem)
        problem = sweep_design.client_problems(self.programs.binaries, [tuple(self.client)])
        if any(problem.values()):
            raise sweep_design.Usage(*problem.values())


def pairs_in(seconds, window):
    """How many pairs a time can hold at the most."""
    return max(int(seconds / (2 * (window + OVERHEAD / 2))), 1)


def spread_of(pairs):
    """Standard deviation of the pairs' log ratios: how many pairs it takes follows from it."""
    logs = [math.log(value / base) for base, value, *_ in pairs if base > 0 and value > 0]
    return statistics.stdev(logs) if len(logs) > 1 else None


# ---- servers -------------------------------------------------------------------------------------
@dataclasses.dataclass
class PairDesign:
    """All that is settled before the first pair."""

    figure: str
    pairs: int  #: exactly, or at the most where `by_time`
    by_time: bool  #: as many as fit into cap_s, and that is no shortfall
    cap_s: float | None
    seconds: float
    warm_up: float
    cool_down: float
    confidence: float
    seed: int
    name: str
    command: str


def measure(binaries, source, path, sides, design):
    """(folder, exit code) of the pairs that the design ask for, or of the rest of them."""
    experiment = experiment_of(sides, design)
    experiment["manifest"] = manifest.take(binaries, source)
    kept = folder.Folder.create(path, experiment)
    cells = plan.cells([sides.factor])

    def run_one(planned):
        spec = sides.spec(planned.cell)
        return runs.run(binaries, kept, spec, planned.run, planned.block, planned.place)

    cap_s = design.cap_s
    if design.by_time and kept.resumed:  # what was measured before counts as well
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
        kept.update(status="complete")  # as many as fit was what was asked for
    return kept, session.conclude(kept, code, page=False, quiet=True)


def experiment_of(sides, design):
    about = figures.FIGURES[design.figure].about
    return {
        "kind": "compare",
        "name": design.name,
        "question": f"Does {sides.servers[1]} differ from {sides.servers[0]} in the {about}?",
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
    """The pairs of a comparison's folder: (value of A, value of B, the rest of the cell)."""
    base, level = kept.experiment["design"]["factors"][0]["levels"]
    return answer.pairs_of(kept.runs(), kept.experiment["primary"], FACTOR, level, base)


def clock(kept):
    """Where the client was the clock, the Answers that tell whether it was one: of the server's
    time, of the client's own, and of its batches. They have no verdict; else None."""
    if kept.experiment["primary"] != "server_by_client":
        return None
    measured = kept.runs()
    return [answer.comparisons(kept.experiment, measured, figure)[0] for figure in CLOCK_FIGURES]


def clock_text(clock):
    """Lines. A clock that has other work beside the other server is no clock."""
    if not clock or None in (clock[0].low, clock[1].low):
        return []
    server, client, batch = clock
    lines = [f"In time, with the machine's swing in it: {server.text}."]
    why = []
    if not client.low <= 1 <= client.high:
        why.append(f"its own cost for an echo is another one: {client.text}")
    if batch.ratio and not 1 / SIMILAR_BATCHES <= batch.ratio <= SIMILAR_BATCHES:
        times = f"{batch.ratio:.2g} times as many"
        why.append(f"it finds {times} echoes at a time beside {batch.level}")
    if why:
        lines.append(
            f"Mind: the client is the clock, and {'; '.join(why)}. Where its work differs, read "
            "--figure server_ns_per_echo or both_ns_per_echo."
        )
    return lines


# ---- folders -------------------------------------------------------------------------------------
class Incomparable(Exception):
    """Two folders that are not to be compared; `lines` say why."""

    def __init__(self, message, lines):
        super().__init__(message)
        self.lines = lines


def of_folders(one, other, figure, force=False):
    """Answers: all cells that both folders have joined, then each by itself."""
    apart = manifest.incomparable(one.experiment["manifest"], other.experiment["manifest"])
    if apart and not force:
        said = "made on different machines or with different builds"
        raise Incomparable(f"{said}: {'; '.join(apart)}", apart)
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
    told = {"figures": figures.as_json()}
    for each in found:
        each.text = answer_text.clause(each, told)
    return found, triples


def _values(folder, figure):
    return {
        (run.block, plan.key_of(run.cell)): run.figures[figure]
        for run in folder.runs()
        if run.measured and run.figures.get(figure) is not None
    }
