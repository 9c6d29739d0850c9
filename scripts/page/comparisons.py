"""The comparisons of an experiment, one for each level beside its baseline. Pure.

They are read from experiment.json ("answers"). The page does not compute them again, so that it
always agrees with what the terminal showed.
"""

import dataclasses

from . import fields, units


@dataclasses.dataclass(frozen=True)
class Comparison:
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
    verdict: str | None = None  #: differs, same, undecided; None: the experiment has none

    def where(self):
        return ", ".join(f"{name} {level}" for name, level in self.given.items())

    def change(self):
        """+3.1 % (+2.0 to +4.3)"""
        return "" if self.ratio is None else units.change(self.ratio, self.low, self.high)


def of(experiment):
    found = []
    for told in fields.list_at(experiment, "answers"):
        if not isinstance(told, dict) or told.get("level") is None:
            continue
        given = told.get("given")
        given = given if isinstance(given, dict) else {}
        numbers = ("pairs", "ratio", "low", "high", "confidence", "p", "p_adjusted")
        known = {name: fields.number_at(told, name) for name in numbers}
        for name in ("ratio", "low", "high"):
            if known[name] is not None and known[name] <= 0:
                known[name] = None
        found.append(
            Comparison(
                figure=str(told.get("figure") or experiment.get("primary") or ""),
                factor=str(told.get("factor") or ""),
                level=str(told["level"]),
                baseline=str(told.get("baseline") or ""),
                given={str(name): str(level) for name, level in given.items()},
                text=fields.text_at(told, "text"),
                verdict=fields.text_at(told, "verdict"),
                **known,
            )
        )
    return found
