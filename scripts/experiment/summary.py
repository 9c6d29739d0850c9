"""The summary at an experiment's end: the answer, the cells, the comparisons and the runs that were
not measured. It also calls scripts/report, which makes the page.
"""

import pathlib
import re
import shlex
import subprocess

import compare_runs

from . import slope, table

SCRIPTS = pathlib.Path(__file__).resolve().parents[1]
#: Seconds that making the page may take.
PAGE_TIMEOUT = 120


def lines_of(folder, runs, answers, found):
    """Lines: the answer, the cells, the comparisons, the runs not measured, the results folder."""
    experiment = folder.experiment
    lines = [found, ""]
    lines += table.of_cells(experiment, runs)
    joined = [one for one in answers if one.given is None]
    if joined:
        lines += ["", *comparisons_text(experiment, joined)]
    slopes = slopes_text(experiment, runs)
    lines += ["", *slopes] if slopes else []
    lost = table.not_measured(runs)
    lines += ["", "Not measured:", *(f"  {line}" for line in lost)] if lost else []
    lines += warnings_text(runs)
    status = experiment.get("status")
    if status in ("interrupted", "capped", "failed"):
        lines += ["", f"{status}: {status_text(folder)}"]
    lines += ["", f"Results: {folder.path}"]
    return lines


def warnings_text(runs):
    """Lines: the client's warnings in at least a fifth of the runs, each as one run printed it."""
    kinds = {}
    for run in runs:
        for warning in run.warnings:
            kinds.setdefault(re.sub(r"[\d.,]+", "#", warning), []).append(warning)
    often = [texts for texts in kinds.values() if len(texts) >= max(len(runs) / 5, 1)]
    if not often:
        return []
    often.sort(key=len, reverse=True)
    return ["", "The client warned:"] + [
        f"  in {len(texts)} of {len(runs)} runs, for example: {texts[0]}" for texts in often[:4]
    ]


STATUS = {
    "interrupted": "the measured runs are kept; to resume:",
    "capped": "--time was reached; to resume, with a larger --time if needed:",
    "failed": "the results could not be written; the runs in the folder are complete; to resume:",
}


def status_text(folder):
    """Why the experiment ended early, and the command that resumes it."""
    status, repeat = folder.experiment["status"], folder.experiment.get("command")
    return f"{STATUS[status]} {repeat} --out {shlex.quote(str(folder.path))}"


def comparisons_text(experiment, answers):
    primary = experiment["primary"]
    lines = [f"{primary}:"]
    lines += [f"  {one.text}" for one in answers if one.figure == primary]
    rows = [
        [
            f"  {table.SHORT.get(one.figure, one.figure)}",
            f"{one.factor} {one.level} / {one.baseline}",
            f"{one.ratio:.3f}",
            f"({one.low:.3f} to {one.high:.3f})",
        ]
        for one in answers
        if one.figure != primary and one.ratio is not None and one.low is not None
    ]
    if rows:
        lines += ["", "Ratios of the other figures, each with its interval, without a verdict:"]
        lines += table.aligned(rows[0], rows[1:])
    return lines


SLOPES = ("resident_b", "page_tables_b", "kernel_b", "machine_b")


def slopes_text(experiment, runs):
    found = [one for name in SLOPES for one in slope.over(experiment, runs, name)]
    found = [one for one in found if one.per_unit is not None]
    if not found:
        return []
    return ["Memory per connection, as the slope over n:", *(f"  {one.text}" for one in found)]


def with_options(folder, runs):
    """The manifest with the effective options of both programs in the first measured run."""
    manifest = dict(folder.experiment.get("manifest") or {})
    for run in runs:
        if not run.measured:
            continue
        effective = {}
        for end in ("server", "client"):
            path = run.documents.get(end)
            document = compare_runs.read_json(folder.path / path) if path else None
            effective[end] = (document or {}).get("options")
            boost = ((document or {}).get("environment") or {}).get("boost")
            if boost and manifest.get("libraries"):
                manifest["libraries"] = manifest["libraries"] | {"boost": boost.replace("_", ".")}
        return manifest | {"options": effective}
    return manifest


def make_page(folder):
    """Makes the report page. Returns one line: its path, or why there is none."""
    script = SCRIPTS / "report"
    if not script.exists():
        return "no page: scripts/report is missing"
    try:
        done = subprocess.run(
            [script, folder.path], capture_output=True, text=True, timeout=PAGE_TIMEOUT
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"no page: scripts/report: {error}"
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return f"no page: {lines[-1] if lines else f'scripts/report exited {done.returncode}'}"
    return f"Page: {folder.path / 'report.html'}"
