"""What a reader must know before believing a figure of the page; the gravest first."""

import collections
import re
import statistics

from . import markup, source, units

#: From which share of a run's time on the hypervisor's neighbours are in the figures.
STEAL = 0.01
#: The programs' own words for what is told once for all runs.
TOLD_ABOVE = ("(steal)", "the client is the bottleneck")
#: Share of a processor from which on the client's thread was the limit.
BUSY_CLIENT = 0.95
STATUS = {
    "running": "It is still running, or ended without a word: what stands here is what was "
    "measured until now.",
    "interrupted": "It was interrupted: what stands here is what was measured until then.",
    "capped": "It ended at the cap on its time before all runs were made.",
    "failed": "It ended early because something failed.",
}


def section(material, grid):
    runs, told = material.runs, material.experiment
    found = []
    status = source.text_at(told, "status")
    planned = _planned(told, grid)
    if status in STATUS:
        made = f" {len(runs)} of {planned} planned runs are here." if planned else ""
        found.append(STATUS[status] + made)
    counted = collections.Counter(run.outcome for run in runs if not run.measured)
    if counted:
        parts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counted.items()))
        left = units.many(sum(counted.values()), "run")
        found.append(
            f"{left} of {len(runs)} did not give figures ({parts}): no statistic has them; "
            "they are listed below with the reason."
        )
    elif not runs:
        found.append("There is not a single run yet.")
    found += [_steal(runs), _client_bound(material, grid)]
    found += material.problems[:8]
    if len(material.problems) > 8:
        found.append(f"{len(material.problems) - 8} more documents could not be read.")
    found += _told_by_runs(runs, material.single)
    return markup.section("warnings", "Warnings", markup.notes(found, "warnings"))


def _planned(told, grid):
    reps = source.number_at(told, "design", "reps")
    levels = [len(source.list_at(f, "levels")) for f in source.list_at(told, "design", "factors")]
    if not reps or not levels:
        return None
    count = int(reps)
    for each in levels:
        count *= each
    return count


def _steal(runs):
    known = [(run.steal, run.run) for run in runs if run.measured and run.steal is not None]
    if not known or max(known)[0] < STEAL:
        return None
    most, run = max(known)
    middle = units.percent(statistics.median(steal for steal, _ in known))
    if len(known) == 1:
        return (
            f"The hypervisor gave {units.percent(most)} of the time to others (steal): the highest "
            "percentiles may be theirs."
        )
    affected = sum(steal >= STEAL for steal, _ in known)
    return (
        "The hypervisor gave time to others (steal) in "
        f"{units.many(affected, 'run')} of {len(known)}: median {middle}, at most "
        f"{units.percent(most)} (run {run}). The highest percentiles may be theirs."
    )


def _client_bound(material, grid):
    bound = []
    for run in (run for cell in grid.cells for run in cell.runs):  # a probe is in none
        busy = source.number_at(material.client(run), "cpu", "client_busiest_thread")
        if run.measured and busy is not None and busy >= BUSY_CLIENT:
            bound.append(run)
    if not bound:
        return None
    if material.single:
        return (
            "Client-bound: a thread of the client had no time left, so throughput says little "
            "about the server."
        )
    names = collections.Counter(", ".join(f"{k} {v}" for k, v in run.cell.items()) for run in bound)
    cells = "; ".join(
        f"{name} ({count})" if name else str(count) for name, count in names.most_common(6)
    )
    more = f" and {len(names) - 6} more cells" if len(names) > 6 else ""
    return (
        f"Client-bound in {units.many(len(bound), 'run')}: a thread of the client had no time "
        f"left, so throughput there says little about the server. {cells}{more}."
    )


def _told_by_runs(runs, single, most=8):
    """The programs' own warnings, those that differ only in figures told once."""
    groups = {}
    for run in runs:
        for text in run.warnings:
            if any(told in text for told in TOLD_ABOVE):
                continue
            groups.setdefault(re.sub(r"\d[\d,.]*", "#", text), []).append((run, text))
    ranked = sorted(groups.values(), key=len, reverse=True)
    for group in ranked[:most]:
        run, text = group[0]
        concerned = len({one.run for one, _ in group})
        likewise = f"; likewise in {units.many(concerned - 1, 'other run')}"
        where = "" if single else f" (run {run.run}{likewise if concerned > 1 else ''})"
        yield f"{text[:1].upper()}{text[1:]}{where}"
    if len(ranked) > most:
        yield f"{len(ranked) - most} more kinds of warnings are in the runs' documents."
