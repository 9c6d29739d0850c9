"""What an experiment answers: each level beside its factor's baseline, and slopes over N. Pure.

The unit is the run. A pair is two runs of one block that differ in one factor only, so that what
the machine did to both cancels in their ratio; paired.py gives the Hodges-Lehmann ratio, its exact
interval and p. Holm adjusts the p of all comparisons of the primary figure together. Other figures
are told with their intervals and without a verdict: there are too many of them for one.

Where other factors vary too, a comparison joins all their levels; `given` ones tell each level of
the others by itself, again without a verdict, so that an effect that depends on another one shows.

    answers = answer.comparisons(folder.experiment, folder.runs())
    print(answer.sentence(folder.experiment, answers))
    answer.slopes(folder.experiment, folder.runs(), "resident_b")
"""

import collections
import dataclasses
import itertools
import math
import statistics

import paired

from . import plan


@dataclasses.dataclass
class Answer:
    """One level against its baseline. ratio: level / baseline; None where there is none to take."""

    figure: str
    factor: str
    level: str
    baseline: str
    given: dict | None
    pairs: int
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    comparisons: int = 1  #: that p_adjusted is adjusted for
    text: str = ""
    verdict: str | None = None  #: differs, same, undecided; None: no verdict is given

    def as_json(self):
        return dataclasses.asdict(self)


@dataclasses.dataclass
class Slope:
    """How a figure grows with each step of a factor of numbers, at given levels of the others."""

    figure: str
    factor: str
    given: dict
    blocks: int
    per_unit: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    text: str = ""

    def as_json(self):
        return dataclasses.asdict(self)


# ---- comparisons ---------------------------------------------------------------------------------
def comparisons(experiment, runs, figure=None):
    """Answers of one figure, by default the primary one: the joined ones, then the given ones."""
    figure = figure or experiment["primary"]
    design = experiment["design"]
    confidence = design.get("confidence", plan.CONFIDENCE)
    factors = [one for one in design["factors"] if len(one["levels"]) > 1]
    joined, given = [], []
    for factor in factors:
        others = [one for one in factors if one is not factor]
        for level in factor["levels"]:
            if level == factor["baseline"]:
                continue
            pairs = pairs_of(runs, figure, factor["name"], level, factor["baseline"])
            joined.append(of_pairs(figure, factor, level, None, pairs, confidence))
            for cell in _products(others):
                some = [pair for pair in pairs if _matches(pair[2], cell)]
                given.append(of_pairs(figure, factor, level, cell, some, confidence))
    if figure == experiment.get("primary"):
        adjust(joined, confidence)
    for one in joined + given:
        one.text = words(one, experiment)
    return joined + given


def pairs_of(runs, figure, factor, level, baseline):
    """(value at the baseline, value at the level, the rest of the cell), each pair of one block."""
    sides = {level: {}, baseline: {}}
    for run in runs:
        value = run.figures.get(figure) if run.measured else None
        if value is not None and run.cell.get(factor) in sides:
            rest = {name: at for name, at in run.cell.items() if name != factor}
            sides[run.cell[factor]][run.block, plan.key_of(rest)] = value, rest
    both = [key for key in sides[baseline] if key in sides[level]]
    return [(sides[baseline][key][0], *sides[level][key]) for key in both]


def _products(factors):
    """Each combination of the levels of several factors; none where there are none."""
    return plan.cells([_Levels(one["name"], one["levels"]) for one in factors]) if factors else []


_Levels = collections.namedtuple("_Levels", "name levels")


def _matches(cell, part):
    return all(cell.get(name) == level for name, level in part.items())


def of_pairs(figure, factor, level, given, pairs, confidence):
    """An Answer without words, of (value at the baseline, value at the level, ...)."""
    found = Answer(figure, factor["name"], level, factor["baseline"], given, len(pairs))
    if pairs and all(base > 0 and value > 0 for base, value, _ in pairs):
        floor, test = [base for base, _, _ in pairs], [value for _, value, _ in pairs]
        ratio = paired.ratio(floor, test, confidence)
        found.ratio, found.low, found.high = ratio.estimate, ratio.low, ratio.high
        found.confidence, found.p = ratio.confidence, paired.p_of(floor, test)
    return found


def adjust(answers, confidence):
    """Holm, over those that have a p; and the verdict that it carries."""
    alpha = 1 - confidence
    told = [one for one in answers if one.p is not None]
    # A comparison without figures was asked for as well, and stays counted.
    missing = len(answers) - len(told)
    adjusted = paired.holm([one.p for one in told] + [1.0] * missing)
    for one, p in zip(told, adjusted):
        one.p_adjusted = p
        if one.low is None or 2 / 2**one.pairs > alpha:
            one.verdict = "undecided"
        elif p <= alpha:
            one.verdict = "differs"
        elif one.low <= 1 <= one.high:
            one.verdict = "same"
        else:
            one.verdict = "undecided"
    for one in answers:
        one.verdict, one.comparisons = one.verdict or "undecided", len(answers)


#: Factors whose levels need no name in front of them.
NAMES_ITSELF = ("model", "server", "folder", "arm")


# ---- words ---------------------------------------------------------------------------------------
def words(one, experiment):
    """An answer as a clause: "callbacks needs 3.1 % more (2.0 to 4.3 %; p = 0.002 ...)"."""
    told = experiment.get("figures", {}).get(one.figure, {})
    subject = one.level if one.factor in NAMES_ITSELF else f"{one.factor} {one.level}"
    if one.given:
        subject += f" at {_given(one)}"
    if not one.pairs:
        return f"{subject}: not measured beside {one.baseline}"
    if one.ratio is None:
        return f"{subject}: no ratio to {one.baseline}, since {one.figure} is 0 in some runs"
    pairs = f"{one.pairs} pairs" if one.pairs != 1 else "1 pair"
    if one.low is None:
        return (
            f"{subject}: undecided, {one.ratio:.3g} times {one.baseline} and no interval, "
            f"since there are only {pairs}"
        )
    p = "" if one.p_adjusted is None else f"; p {p_text(one.p_adjusted)}"
    p += " after Holm" if p and one.comparisons > 1 else ""
    effect, between = _effect(one, told)
    if one.verdict == "same":
        bound = max(abs(one.low - 1), abs(one.high - 1))
        return (
            f"{subject}: no difference from {one.baseline} detectable, "
            f"smaller than {_percent(bound)} ({between}{p}, {pairs})"
        )
    if one.verdict == "undecided":
        return (
            f"{subject}: undecided; by these runs it {effect} {one.baseline} "
            f"({between}{p}, {pairs}), and more reps are needed"
        )
    return f"{subject} {effect} {one.baseline} ({between}{p}, {pairs})"


def _effect(one, told):
    """("needs 3.1 % more than", "2.0 to 4.3 %"): as times where it is twice or half and beyond."""
    higher = told.get("better") == "higher"
    verb, much, more, less = ("reaches" if higher else "needs", "much", "more", "less")
    if told.get("unit") == "s" or one.figure.endswith(("p50_ns", "p99_ns")):
        verb, much, more, less = "takes", "long", "longer", "shorter"
    elif told.get("unit") == "1":
        verb, much, more, less = "has", "many", "more", "fewer"
    if not 0.5 < one.ratio < 2:
        between = f"{one.low:.3g} to {one.high:.3g} times"
        return f"{verb} {one.ratio:.3g} times as {much} as", between
    sign, word = (1, more) if one.ratio >= 1 else (-1, less)
    bounds = sorted((sign * (one.low - 1), sign * (one.high - 1)))
    between = f"{_number(bounds[0])} to {_number(bounds[1])} %"
    return f"{verb} {_percent(abs(one.ratio - 1))} {word} than", between


def _percent(fraction):
    return f"{_number(fraction)} %"


def _number(fraction):
    """In percent, two digits that say something: 0.34, 3.1, 21."""
    percent = 100 * fraction
    for digits, below in ((2, 0.995), (1, 9.95)):
        if abs(percent) < below:
            return f"{percent:.{digits}f}".replace("-0.00", "0.00")
    return f"{percent:.0f}"


def p_text(p):
    """= 0.002, = 0.04, = 0.3; below what is worth telling: < 0.0001."""
    if p < 0.0001:
        return "< 0.0001"
    return f"= {p:.1g}" if p < 0.01 else f"= {p:.2g}"


def sentence(experiment, answers):
    """The answer to the experiment's question: the primary figure's joined comparisons."""
    primary = experiment["primary"]
    joined = [one for one in answers if one.figure == primary and one.given is None]
    told = experiment.get("figures", {}).get(primary, {})
    about = told.get("about") or primary
    if not joined:
        return f"Nothing to compare: one cell ({about})."
    if all(not one.pairs for one in joined):
        return f"No answer: no two measured runs can be compared ({about})."
    ranked = sorted(joined, key=lambda one: (one.verdict != "differs", -_size(one)))
    if len(ranked) > 3 and all(one.verdict == "same" for one in ranked):
        widest = max(abs(end - 1) for one in ranked for end in (one.low, one.high))
        return (
            f"{capital(about)}: no difference detectable between the levels of "
            f"{' and '.join(dict.fromkeys(one.factor for one in ranked))}, "
            f"smaller than {_percent(widest)}."
        )
    clauses = [one.text for one in ranked[:3]]
    rest = f"; {len(ranked) - 3} more comparisons below" if len(ranked) > 3 else ""
    warning = dependence(answers, primary)
    return f"{capital(about)}: {'; '.join(clauses)}{rest}." + (f" {warning}" if warning else "")


def _size(one):
    return abs(math.log(one.ratio)) if one.ratio else 0.0


def capital(text):
    """With a large first letter."""
    return text[:1].upper() + text[1:]


def dependence(answers, figure):
    """One sentence where a level's effect depends on another factor: two given intervals of it that
    have nothing in common. The joined figure then stands for neither. None: not seen."""
    by_level = collections.defaultdict(list)
    for one in answers:
        if one.figure == figure and one.given and one.low is not None:
            by_level[one.factor, one.level].append(one)
    for (factor, level), several in by_level.items():
        for one, other in itertools.combinations(several, 2):
            if one.high < other.low or other.high < one.low:
                return (
                    f"Mind: what {factor} {level} does depends on the rest: {_ratio(one)} at "
                    f"{_given(one)}, {_ratio(other)} at {_given(other)}."
                )
    return None


def _given(one):
    return ", ".join(f"{name} {level}" for name, level in one.given.items())


def _ratio(one):
    return f"ratio {one.ratio:.3g} ({one.low:.3g} to {one.high:.3g})"


# ---- slopes --------------------------------------------------------------------------------------
def slopes(experiment, runs, figure, factor="n"):
    """Growth of a figure with each unit of a factor of numbers: memory per connection, over n.

    In each block, Theil and Sen: the median of the slopes between all its runs. Over the blocks,
    Hodges and Lehmann, with the exact interval; the block is the unit, since its runs share it.
    """
    design = experiment["design"]
    confidence = design.get("confidence", plan.CONFIDENCE)
    varied = {one["name"]: one for one in design["factors"]}
    if factor not in varied or len(varied[factor]["levels"]) < 2:
        return []
    others = [one for one in design["factors"] if one["name"] != factor]
    found = []
    for cell in _products(others) or [{}]:
        by_block = collections.defaultdict(list)
        for run in runs:
            value = run.figures.get(figure) if run.measured else None
            if value is not None and _matches(run.cell, cell):
                by_block[run.block].append((number_of(run.cell[factor]), value))
        each = [theil_sen(points) for points in by_block.values()]
        each = [slope for slope in each if slope is not None]
        found.append(_slope(figure, factor, cell, each, confidence, experiment))
    return found


def theil_sen(points):
    """The median slope between any two of (x, y); None where all have the same x."""
    between = [
        (y2 - y1) / (x2 - x1)
        for (x1, y1), (x2, y2) in itertools.combinations(points, 2)
        if x1 != x2
    ]
    return statistics.median(between) if between else None


def _slope(figure, factor, cell, each, confidence, experiment):
    found = Slope(figure, factor, cell, len(each))
    unit = experiment.get("figures", {}).get(figure, {}).get("unit", "")
    what = "connection" if factor == "n" else f"unit of {factor}"
    where = f" at {', '.join(f'{name} {level}' for name, level in cell.items())}" if cell else ""
    if not each:
        found.text = f"{figure}{where}: no block with two measured levels of {factor}"
        return found
    interval = paired.hodges_lehmann(each, confidence)
    found.per_unit, found.low, found.high = interval.estimate, interval.low, interval.high
    found.confidence = interval.confidence
    bounds = f"no interval below {paired.least_pairs(1, confidence)} blocks"
    if found.low is not None:
        bounds = f"{_round(found.low)} to {_round(found.high)}"
    blocks = f"{len(each)} blocks" if len(each) != 1 else "1 block"
    found.text = f"{figure}{where}: {_round(found.per_unit)} {unit} a {what} ({bounds}; {blocks})"
    return found


def _round(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def number_of(text):
    """1000, 10k, 64K (decimal, as counts are): a level as a number."""
    text = str(text).strip()
    factor = {"k": 1e3, "m": 1e6}.get(text[-1:].lower())
    return float(text[:-1]) * factor if factor else float(text)
