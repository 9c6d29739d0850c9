"""The fields of experiment.json that the statistics rely on, and their forms. Pure.

A folder may be of an earlier version, or of another user. docs/schema/experiment.json has the whole
format; here is what a missing or mistyped field would break.
"""

import forms
from forms import ANY, NUMBER, Map, Optional

TEXT = (str, None)
#: Objects of the manifest that two folders are compared in.
GROUPS = ("programs", "libraries", "sysctls", "mitigations", "huge_pages", "limits", "cgroup")
FORM = {
    "kind": str,
    "name": str,
    "primary": str,
    "command": Optional(TEXT),
    "begun": Optional(TEXT),
    "status": str,
    "design": {
        "factors": [{"name": str, "levels": [str], "baseline": str}],
        "fixed": Optional({"client": Optional(([str], None)), "server": Optional(TEXT)}),
        "reps": Optional(int),
        "seconds": Optional((NUMBER, None)),
        "warm_up": Optional((NUMBER, None)),
        "cool_down": Optional((NUMBER, None)),
        "confidence": Optional(NUMBER),
    },
    "figures": Map({"unit": Optional(str), "better": Optional(TEXT), "about": Optional(str)}),
    "manifest": {name: Optional((Map(ANY), None)) for name in GROUPS},
    "findings": [{"name": str}],
}


def problem(experiment):
    """One line that names the field and what it must be; None: all have their forms."""
    found = forms.problem(experiment, FORM)
    if found:
        return found
    design = experiment["design"]
    if not 0.5 <= design.get("confidence", 0.5) < 1:
        return "design.confidence: must be from 0.5 to below 1"
    names = [factor["name"] for factor in design["factors"]]
    if not names or len(set(names)) < len(names):
        return "design.factors: must have one factor or more, each with its own name"
    for at, factor in enumerate(design["factors"]):
        levels = factor["levels"]
        if len(set(levels)) < len(levels) or factor["baseline"] not in levels:
            return f"design.factors[{at}]: its levels must differ, and its baseline be one of them"
    return None
