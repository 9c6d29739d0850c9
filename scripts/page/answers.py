"""The comparisons of an experiment as the page needs them. Pure.

They are what the experiment itself concluded and wrote; the page computes none anew, so that it can
never say something else than the terminal did.
"""

import dataclasses

from . import source, units


@dataclasses.dataclass(frozen=True)
class Answer:
    figure: str
    factor: str
    level: str
    baseline: str
    given: dict
    pairs: int | None
    ratio: float | None
    low: float | None
    high: float | None
    confidence: float | None
    p: float | None
    p_adjusted: float | None
    text: str | None
    verdict: str | None = None  #: differs, same, undecided; None: the experiment gives none

    def where(self):
        return ", ".join(f"{name} {level}" for name, level in self.given.items())

    def change(self):
        """+3.1 % (+2.0 to +4.3)"""
        return "" if self.ratio is None else units.change(self.ratio, self.low, self.high)


def of(experiment):
    found = []
    for told in source.list_at(experiment, "answers"):
        if not isinstance(told, dict) or told.get("level") is None:
            continue
        given = told.get("given")
        given = given if isinstance(given, dict) else {}
        numbers = ("pairs", "ratio", "low", "high", "confidence", "p", "p_adjusted")
        known = {name: source.number_at(told, name) for name in numbers}
        for name in ("ratio", "low", "high"):
            if known[name] is not None and known[name] <= 0:
                known[name] = None
        found.append(
            Answer(
                figure=str(told.get("figure") or experiment.get("primary") or ""),
                factor=str(told.get("factor") or ""),
                level=str(told["level"]),
                baseline=str(told.get("baseline") or ""),
                given={str(name): str(level) for name, level in given.items()},
                text=source.text_at(told, "text"),
                verdict=source.text_at(told, "verdict"),
                **known,
            )
        )
    return found
