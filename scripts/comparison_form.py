"""The form of the document of scripts/compare-models, and whether a document has it. Pure."""

import forms
from compare_plan import MODES
from forms import ANY, NUMBER, Map, Optional

SCHEMA = "echo-testbed-comparison/1"
TEXT = (str, None)
COUNT = (int, None)
#: A number, or a latency and whether it is only a lower bound.
FIGURE = (NUMBER, [(bool, NUMBER)], None)
PAIRS = ("p50", "p99", "connect_p99", "queue_wait_p99")
TRAITS = {"refusal": TEXT, "failure": TEXT, "at_once": COUNT, "workers": COUNT}
RUN = {
    "model": str,
    "mode": str,
    "connections": int,
    "round": int,
    "outcome": str,
    "why": TEXT,
    "client_exit": COUNT,
    "server_exit": COUNT,
    "seconds": NUMBER,
    "limited_to": COUNT,
    "figures": Map(FIGURE),
    "failed": Map(NUMBER),
    "shed": Map(NUMBER),
    "unexplained": Map(NUMBER),
    "warnings": [str],
}
ENVIRONMENT = {
    "cpus": Optional((NUMBER, None)),
    "cpu": Optional(TEXT),
    "memory": Optional((NUMBER, None)),
    "kernel": Optional(TEXT),
    "time": Optional(TEXT),
}
FORM = {
    "schema": str,
    "models": [str],
    "modes": [str],
    "connections": [int],
    "rounds": int,
    "window": NUMBER,
    "warm_up": NUMBER,
    "seed": ANY,
    "cpus": ([NUMBER], None),
    "traits": Map(Map(ANY)),
    "runs": [RUN],
    "environment": (ENVIRONMENT, None),
    "seconds": NUMBER,
    "exit_code": COUNT,
}


def problem(document):
    """One line that names the field and what it must be; None: it has the form. Completes runs and
    traits of an earlier version, and drops what this one does not know."""
    if isinstance(document, dict) and document.get("schema") != SCHEMA:
        return f"its schema is not {SCHEMA}"
    _complete(document)
    found = forms.problem(document, FORM)
    if found:
        return found
    if not document["models"] or not set(document["modes"]) <= set(MODES):
        return f"models: must name one or more; modes: {' and '.join(MODES)}"
    if document["cpus"] is not None and len(document["cpus"]) != 2:
        return "cpus: must be the server's and the client's"
    for model in document["models"]:
        if model not in document["traits"]:
            return f"traits.{model}: missing"
    for model, traits in document["traits"].items():
        found = forms.problem(traits, TRAITS, f"traits.{model}")
        if found:
            return found
    for at, run in enumerate(document["runs"]):
        for name, value in run["figures"].items():
            if value is not None and (name in PAIRS) != isinstance(value, list):
                return f"runs[{at}].figures.{name}: must be {_form_of(name)}"
            if isinstance(value, list) and (len(value) != 2 or not isinstance(value[1], bool)):
                return f"runs[{at}].figures.{name}: must be {_form_of(name)}"
    return None


def _form_of(name):
    return "a value and whether it is a lower bound" if name in PAIRS else "a number or null"


def _complete(document):
    if not isinstance(document, dict):
        return
    document.setdefault("environment", None)
    document.setdefault("exit_code", None)
    names = {name for run in _objects(document.get("runs")) for name in _keys(run.get("figures"))}
    for run in _objects(document.get("runs")):
        for name in run.keys() - RUN.keys():
            del run[name]
        for name, form in RUN.items():
            if name not in run:
                empty = {} if isinstance(form, Map) else [] if isinstance(form, list) else None
                if empty is not None or (isinstance(form, tuple) and None in form):
                    run[name] = empty
        if isinstance(run.get("figures"), dict):
            run["figures"] = dict.fromkeys(names) | run["figures"]
    traits = document.get("traits")
    for one in _objects(list(traits.values()) if isinstance(traits, dict) else None):
        for name in one.keys() - TRAITS.keys():
            del one[name]
        for name in TRAITS.keys() - one.keys():
            one[name] = None


def _objects(value):
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _keys(value):
    return value if isinstance(value, dict) else ()
