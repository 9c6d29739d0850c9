"""Answers in words: a clause for each comparison, and one sentence for the experiment's question.

The words claim no more than the verdict does: "no detectable difference, at most 17 %" instead of
"equal", and "undecided" if more reps are needed.

    answer_text.clause(answer, experiment)    callbacks needs 3.1 % more than ... (2.0 to 4.3 %...)
    answer_text.sentence(experiment, answers)
"""

import collections
import itertools
import math

#: Factors whose levels are printed without the factor's name.
NAMES_ITSELF = ("model", "server", "folder", "arm")


def clause(one, experiment):
    """An answer as a clause: "callbacks needs 3.1 % more (2.0 to 4.3 %; p = 0.002 ...)"."""
    described = experiment.get("figures", {}).get(one.figure, {})
    subject = one.level if one.factor in NAMES_ITSELF else f"{one.factor} {one.level}"
    if one.given:
        subject += f" at {_given(one)}"
    if not one.pairs:
        return f"{subject}: no measured pairs with {one.baseline}"
    if one.ratio is None:
        return f"{subject}: no ratio to {one.baseline}, because {one.figure} is 0 in some runs"
    pairs = f"{one.pairs} pairs" if one.pairs != 1 else "1 pair"
    if one.low is None:
        return (
            f"{subject}: undecided, {one.ratio:.3g} times {one.baseline} without an interval, "
            f"because there {'is' if one.pairs == 1 else 'are'} only {pairs}"
        )
    p = "" if one.p_adjusted is None else f"; p {p_text(one.p_adjusted)}"
    p += " after Holm" if p and one.comparisons > 1 else ""
    effect, between = _effect(one, described)
    if one.verdict == "same":
        bound = max(abs(one.low - 1), abs(one.high - 1))
        return (
            f"{subject}: no detectable difference from {one.baseline}, "
            f"at most {_percent(bound)} ({between}{p}, {pairs})"
        )
    if one.verdict == "undecided":
        return (
            f"{subject}: undecided; in these runs it {effect} {one.baseline} "
            f"({between}{p}, {pairs}); more reps are needed"
        )
    return f"{subject} {effect} {one.baseline} ({between}{p}, {pairs})"


def _effect(one, described):
    """("needs 3.1 % more than", "2.0 to 4.3 %"); as "times" from twice or half on."""
    higher = described.get("better") == "higher"
    verb, much, more, less = ("reaches" if higher else "needs", "much", "more", "less")
    if described.get("unit") == "s" or one.figure.endswith(("p50_ns", "p99_ns")):
        verb, much, more, less = "takes", "long", "longer", "shorter"
    elif described.get("unit") == "1":
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
    """In percent, with two significant digits: 0.34, 3.1, 21."""
    percent = 100 * fraction
    for digits, below in ((2, 0.995), (1, 9.95)):
        if abs(percent) < below:
            return f"{percent:.{digits}f}".replace("-0.00", "0.00")
    return f"{percent:.0f}"


def p_text(p):
    """= 0.002, = 0.04, = 0.3, or < 0.0001."""
    if p < 0.0001:
        return "< 0.0001"
    return f"= {p:.1g}" if p < 0.01 else f"= {p:.2g}"


def sentence(experiment, answers):
    """The answer to the experiment's question, from the primary figure's joined comparisons."""
    primary = experiment["primary"]
    joined = [one for one in answers if one.figure == primary and one.given is None]
    about = experiment.get("figures", {}).get(primary, {}).get("about") or primary
    if not joined:
        return f"No comparison: the experiment has one cell ({about})."
    if all(not one.pairs for one in joined):
        return f"No answer: no two measured runs form a pair ({about})."
    ranked = sorted(joined, key=lambda one: (one.verdict != "differs", -_size(one)))
    if len(ranked) > 3 and all(one.verdict == "same" for one in ranked):
        widest = max(abs(end - 1) for one in ranked for end in (one.low, one.high))
        return (
            f"{capital(about)}: no detectable difference between the levels of "
            f"{' and '.join(dict.fromkeys(one.factor for one in ranked))}, "
            f"at most {_percent(widest)}."
        )
    clauses = [one.text for one in ranked[:3]]
    rest = f"; {len(ranked) - 3} more comparisons below" if len(ranked) > 3 else ""
    warning = dependence(answers, primary)
    return f"{capital(about)}: {'; '.join(clauses)}{rest}." + (f" {warning}" if warning else "")


def _size(one):
    return abs(math.log(one.ratio)) if one.ratio else 0.0


def capital(text):
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def dependence(answers, figure):
    """One sentence if a level's effect depends on another factor, that is, if two of its given
    intervals do not overlap. The joined ratio then describes neither. None: no such level."""
    by_level = collections.defaultdict(list)
    for one in answers:
        if one.figure == figure and one.given and one.low is not None:
            by_level[one.factor, one.level].append(one)
    for (factor, level), several in by_level.items():
        for one, other in itertools.combinations(several, 2):
            if one.high < other.low or other.high < one.low:
                return (
                    f"Note: the effect of {factor} {level} depends on other factors: {_ratio(one)} "
                    f"at {_given(one)}, {_ratio(other)} at {_given(other)}."
                )
    return None


def _given(one):
    return ", ".join(f"{name} {level}" for name, level in one.given.items())


def _ratio(one):
    return f"ratio {one.ratio:.3g} ({one.low:.3g} to {one.high:.3g})"
