"""The form of docs/results/answer.json, the figures of a demo. Pure."""

import demo_figures
import demo_limits
import forms
from demo_answer import LOOP, THREADS
from forms import NUMBER, Map

TEXT = (str, None)
COUNT = (int, None)
MODEL = {
    **dict.fromkeys(("served_burst", "served_paced", "establish_ns"), COUNT),
    **dict.fromkeys(("exit_burst", "exit_paced", "exit_server"), COUNT),
    **dict.fromkeys(("echo_p50_ns", "echo_p99_ns", "echo_max_ns"), COUNT),
    **dict.fromkeys(("cpu_per_echo_paced_ns", "cpu_per_echo_burst_ns"), COUNT),
    **dict.fromkeys((f"echo_{name}_is_lower_bound" for name in ("p50", "p99", "max")), bool),
    **dict.fromkeys((f"cpu_per_echo_{part}_includes_softirq" for part in ("paced", "burst")), bool),
    **dict.fromkeys(
        (f"{what}_bytes_per_connection" for what in ("resident", "kernel", "free_memory")), COUNT
    ),
    "limits": (demo_limits.FORM, None),
}
FORM = {
    "schema": str,
    **dict.fromkeys(("date", "kernel", "processor"), TEXT),
    **dict.fromkeys(("processors", "memory_bytes", "paced_echoes_per_s"), (NUMBER, None)),
    "available_memory_bytes": COUNT,
    "connections_wanted": int,
    "connections": int,
    "models": Map(MODEL),
    "notes": [str],
}


def problem(answer):
    """One line that names the field and what it must be; None: it has the form."""
    schema = demo_figures.SCHEMA
    if isinstance(answer, dict) and answer.get("schema", schema) != schema:
        return f"its schema is not {schema}"
    found = forms.problem(answer, FORM)
    if found:
        return found
    for model in (THREADS, LOOP):
        if model not in answer["models"]:
            return f"models.{model}: missing"
    return None
