"""The warnings of the page: what may make its figures wrong, the most serious first."""

import collections
import re
import statistics

from . import fields, markup, merged, units

#: From this share of a run's time on, steal is reported: it may affect the figures.
STEAL = 0.01
#: Texts in the programs' own warnings that the page reports once for all runs.
REPORTED_ONCE = ("(steal)", "the client is the bottleneck")
#: From this share of a processor on, the client's thread was the limit.
BUSY_CLIENT = 0.95
STATUS = {
    "running": "The experiment is still running, or it was killed. The page shows what was "
    "measured until now.",
    "interrupted": "The experiment was interrupted. The page shows what was measured until then.",
    "capped": "The experiment reached its time limit before all runs were made.",
    "failed": "The experiment ended early because of a failure.",
}


def section(material, grid):
    runs, told = material.runs, material.experiment
    found = []
    status = fields.text_at(told, "status")
    planned = _planned(told, grid)
    if status in STATUS:
        made = f" {len(runs)} of {planned} planned runs were made." if planned else ""
        found.append(STATUS[status] + made)
    counted = collections.Counter(run.outcome for run in runs if not run.measured)
    if counted:
        parts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counted.items()))
        left = units.many(sum(counted.values()), "run")
        found.append(
            f"{left} of {len(runs)} gave no figures ({parts}). They are in no statistic and are "
            "listed below with the reason."
        )
    elif not runs:
        found.append("There are no runs yet.")
    found += [_steal(runs), _client_bound(material, grid)]
    found += material.problems[:8]
    if len(material.problems) > 8:
        found.append(f"{len(material.problems) - 8} more documents could not be read.")
    client = material.client(runs[0]) if material.single else None
    if merged.is_merged(client):
        # Its ranks are told of first; nothing else reports their steal or a bottleneck.
        found = [*merged.warnings(client, runs[0].warnings), *found]
    else:
        found += _warnings_of_runs(runs, material.single)
    return markup.section("warnings", "Warnings", markup.notes(found, "warnings"))


def _planned(told, grid):
    reps = fields.number_at(told, "design", "reps")
    levels = [len(fields.list_at(f, "levels")) for f in fields.list_at(told, "design", "factors")]
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
            f"The hypervisor took {units.percent(most)} of the machine's time (steal). This may "
            "have raised the highest percentiles."
        )
    affected = sum(steal >= STEAL for steal, _ in known)
    return (
        "The hypervisor took time from the machine (steal) in "
        f"{units.many(affected, 'run')} of {len(known)}: median {middle}, at most "
        f"{units.percent(most)} (run {run}). This may have raised the highest percentiles."
    )


def _client_bound(material, grid):
    bound = []
    for run in (run for cell in grid.cells for run in cell.runs):  # probes belong to no cell
        busy = fields.number_at(material.client(run), "cpu", "client_busiest_thread")
        if run.measured and busy is not None and busy >= BUSY_CLIENT:
            bound.append(run)
    if not bound:
        return None
    if material.single:
        return (
            "Client-bound: a thread of the client was busy all the time, so throughput says "
            "little about the server."
        )
    names = collections.Counter(", ".join(f"{k} {v}" for k, v in run.cell.items()) for run in bound)
    cells = "; ".join(
        f"{name} ({count})" if name else str(count) for name, count in names.most_common(6)
    )
    more = f" and {len(names) - 6} more cells" if len(names) > 6 else ""
    return (
        f"Client-bound in {units.many(len(bound), 'run')}: a thread of the client was busy all "
        f"the time, so throughput says little about the server. {cells}{more}."
    )


def _warnings_of_runs(runs, single, most=8):
    """The programs' own warnings; those that differ only in their numbers are reported once."""
    groups = {}
    for run in runs:
        for text in run.warnings:
            if any(known in text for known in REPORTED_ONCE):
                continue
            groups.setdefault(re.sub(r"\d[\d,.]*", "#", text), []).append((run, text))
    ranked = sorted(groups.values(), key=len, reverse=True)
    for group in ranked[:most]:
        run, text = group[0]
        concerned = len({one.run for one, _ in group})
        same = f"; the same in {units.many(concerned - 1, 'other run')}"
        where = "" if single else f" (run {run.run}{same if concerned > 1 else ''})"
        yield f"{text[:1].upper()}{text[1:]}{where}"
    if len(ranked) > most:
        yield f"{len(ranked) - most} more kinds of warnings are in the documents of the runs."
