"""What is told at an experiment's end: the answer, the cells, the comparisons, what was lost; and
the page, which scripts/report makes. All here is text for people, or reads what was measured.
"""

import pathlib
import re
import shlex
import subprocess

import compare_runs

from . import slope, table

SCRIPTS = pathlib.Path(__file__).resolve().parents[1]
#: Seconds that the page may take.
PAGE_TIMEOUT = 120


def lines_of(folder, runs, answers, found):
    """Lines: the answer, the cells, the comparisons, what was lost, where all lies."""
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
    """Lines: what the client warned of in a fifth of the runs or more, in one run's own words."""
    kinds = {}
    for run in runs:
        for warning in run.warnings:
            kinds.setdefault(re.sub(r"[\d.,]+", "#", warning), []).append(warning)
    often = [told for told in kinds.values() if len(told) >= max(len(runs) / 5, 1)]
    if not often:
        return []
    often.sort(key=len, reverse=True)
    return ["", "The client warned:"] + [
        f"  in {len(told)} of {len(runs)} runs, as: {told[0]}" for told in often[:4]
    ]


STATUS = {
    "interrupted": "what was measured is kept; to go on:",
    "capped": "the time was up; to go on, with more --time if wanted:",
    "failed": "the results could not be written; what is in the folder is whole; to go on:",
}


def status_text(folder):
    """What became of it, and the line to type."""
    status, typed = folder.experiment["status"], folder.experiment.get("command")
    return f"{STATUS[status]} {typed} --out {shlex.quote(str(folder.path))}"


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
        lines += ["", "Other figures as ratios, each with its own interval and without a verdict:"]
        lines += table.aligned(rows[0], rows[1:])
    return lines


SLOPES = ("resident_b", "page_tables_b", "kernel_b", "machine_b")


def slopes_text(experiment, runs):
    found = [one for name in SLOPES for one in slope.over(experiment, runs, name)]
    found = [one for one in found if one.per_unit is not None]
    if not found:
        return []
    return ["Memory of a connection, as the slope over n:", *(f"  {one.text}" for one in found)]


def with_options(folder, runs):
    """The manifest with the effective options of the first measured run's programs."""
    manifest = dict(folder.experiment.get("manifest") or {})
    for run in runs:
        if not run.measured:
            continue
        told = {}
        for end in ("server", "client"):
            path = run.documents.get(end)
            document = compare_runs.read_json(folder.path / path) if path else None
            told[end] = (document or {}).get("options")
            boost = ((document or {}).get("environment") or {}).get("boost")
            if boost and manifest.get("libraries"):
                manifest["libraries"] = manifest["libraries"] | {"boost": boost.replace("_", ".")}
        return manifest | {"options": told}
    return manifest


def make_page(folder):
    """One line of what came of the report page."""
    script = SCRIPTS / "report"
    if not script.exists():
        return "no page: scripts/report is not here"
    try:
        done = subprocess.run(
            [script, folder.path], capture_output=True, text=True, timeout=PAGE_TIMEOUT
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"no page: scripts/report: {error}"
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        return f"no page: {said}"
    return f"Page: {folder.path / 'report.html'}"
