"""The answers of an experiment: each level compared with its factor's baseline. Pure.

The unit is the run. A pair is two runs of one block that differ in one factor only, so the
machine's influence on both cancels in their ratio. paired.py computes the Hodges-Lehmann ratio, its
exact interval and p. Holm's method adjusts p over all comparisons of the primary figure. Other
figures are reported with intervals and without a verdict, because there are too many of them.

Where other factors vary too, a comparison joins all their levels. The `given` comparisons report
each level of the other factors separately, without a verdict; they show interactions.

    answers = answer.comparisons(folder.experiment, folder.runs())
    print(answer_text.sentence(folder.experiment, answers))
"""

import dataclasses

import paired

from . import answer_text, plan


@dataclasses.dataclass
class Answer:
    """One level compared with its baseline. ratio: level / baseline; None: there is no ratio."""

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
    comparisons: int = 1  #: the number of comparisons in Holm's adjustment
    text: str = ""
    verdict: str | None = None  #: differs, same, undecided; None: no verdict

    def as_json(self):
        return dataclasses.asdict(self)


def comparisons(experiment, runs, figure=None):
    """Answers of one figure, the primary one by default: joined first, then given."""
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
            for cell in plan.products(others):
                some = [pair for pair in pairs if plan.matches(pair[2], cell)]
                given.append(of_pairs(figure, factor, level, cell, some, confidence))
    if figure == experiment.get("primary"):
        adjust(joined, confidence)
    for one in joined + given:
        one.text = answer_text.clause(one, experiment)
    return joined + given


def pairs_of(runs, figure, factor, level, baseline):
    """(value at the baseline, value at the level, the other levels of the cell), one per pair."""
    sides = {level: {}, baseline: {}}
    for run in runs:
        value = run.figures.get(figure) if run.measured else None
        if value is not None and run.cell.get(factor) in sides:
            rest = {name: at for name, at in run.cell.items() if name != factor}
            sides[run.cell[factor]][run.block, plan.key_of(rest)] = value, rest
    both = [key for key in sides[baseline] if key in sides[level]]
    return [(sides[baseline][key][0], *sides[level][key]) for key in both]


def of_pairs(figure, factor, level, given, pairs, confidence):
    """An Answer without text, from (value at the baseline, value at the level, ...)."""
    found = Answer(figure, factor["name"], level, factor["baseline"], given, len(pairs))
    if pairs and all(base > 0 and value > 0 for base, value, _ in pairs):
        floor, test = [base for base, _, _ in pairs], [value for _, value, _ in pairs]
        ratio = paired.ratio(floor, test, confidence)
        found.ratio, found.low, found.high = ratio.estimate, ratio.low, ratio.high
        found.confidence, found.p = ratio.confidence, paired.p_of(floor, test)
    return found


def adjust(answers, confidence):
    """Sets p_adjusted by Holm's method, and the verdict that follows from it."""
    alpha = 1 - confidence
    with_p = [one for one in answers if one.p is not None]
    # A planned comparison without figures still counts in the adjustment.
    missing = len(answers) - len(with_p)
    adjusted = paired.holm([one.p for one in with_p] + [1.0] * missing)
    for one, p in zip(with_p, adjusted):
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
