"""What scripts/tune adds to the results, and prints: the arms, their settings as read back.
Pure but for the host's own values."""

import pathlib
import statistics
import textwrap

from experiment import table


def listing(experiments):
    """--list: a paragraph each."""
    lines = []
    for experiment in experiments:
        apply = "  (needs --apply)" if experiment.host_settings else ""
        lines.append(f"{experiment.name}{apply}")
        names = ", ".join(arm.name for arm in experiment.arms)
        for text in (experiment.question, f"arms: {names}"):
            lines += textwrap.wrap(text, 92, initial_indent="    ", subsequent_indent="    ")
    return lines


def plan(experiment, options, feasibility):
    """--dry-run: what would be done."""
    lines = [f"{experiment.name}: {experiment.question}"]
    rows = [
        ("varies", experiment.varies),
        ("expects", experiment.expects),
        ("source", experiment.source),
        ("topology", str(experiment.topology)),
        ("server", experiment.server),
        ("client", " ".join(experiment.client)),
        ("primary", experiment.primary),
        ("runs", f"{options.reps} blocks of {len(experiment.arms)} arms, seed {options.seed}"),
    ]
    for at, arm in enumerate(experiment.arms):
        why = feasibility.infeasible.get(arm.name)
        role = " (control)" if at == 0 else f" (infeasible: {why})" if why else ""
        rows.append(("arm" if at == 0 else "", f"{arm.name}{role}: {arm.as_words()}"))
    for name in experiment.host_settings:
        rows.append(("host", f"{name}: changed for a run at a time, and put back"))
    for key, text in rows:
        lines += textwrap.wrap(text, 98, initial_indent=f"  {key:9}", subsequent_indent=" " * 13)
    return lines


def host_value(name, host):
    try:
        if name in host:
            return host[name]
        return " ".join(pathlib.Path("/proc/sys", *name.split(".")).read_text().split())
    except OSError:
        return None


def settings(experiment, defaults, read_back, host):
    """The finding that names every setting: of the host, of a fresh namespace, of each arm.

    `read_back`: {arm: {name: value}}; `host`: {name: value} of the host-wide ones, before.
    """
    names = [*experiment.sysctls, *experiment.host_settings]
    names += [name for name in defaults if name not in names]
    rows, apart = [], []
    for name in names:
        on_host = host_value(name, host)
        fresh = defaults.get(name) if name in defaults else "-"
        values = [read_back.get(arm.name, {}).get(name) for arm in experiment.arms]
        rows.append([name, on_host, fresh, *values])
        if name in defaults and fresh != on_host:
            apart.append(f"{name} is {fresh} there and {on_host} on the host")
    text = "Every run of every arm, the control too, had a fresh private network namespace. "
    text += f"Its defaults are not all the host's: {'; '.join(apart)}." if apart else (
        "Of the settings below, its defaults are the host's."
    )
    unread = [arm.name for arm in experiment.arms if arm.name not in read_back]
    if unread:
        text += f" Not read back, since it never ran: {', '.join(unread)}."
    columns = ["setting", "host", "fresh namespace", *(arm.name for arm in experiment.arms)]
    return {
        "name": "settings",
        "title": "Settings of the arms, as read back",
        "text": text,
        "data": {"columns": columns, "rows": rows},
    }


def read_settings(findings):
    """{arm: {name: value}} as `settings` wrote it, for runs that are gone on with."""
    found = {}
    for one in findings:
        if one["name"] == "settings":
            for name, _, _, *values in one["data"]["rows"]:
                for arm, value in zip(one["data"]["columns"][3:], values):
                    if value is not None:
                        found.setdefault(arm, {})[name] = value
    return found


def arms(experiment):
    rows = [[arm.name, "", arm.as_words()] for arm in experiment.arms]
    rows[0][1] = "control"
    return {
        "name": "arms",
        "title": "What each arm sets",
        "text": f"Topology: {experiment.topology}. Expected: {experiment.expects}",
        "data": {"columns": ["arm", "role", "sets"], "rows": rows},
    }


def other_figures(experiment, runs, units):
    """Medians of the figures that the file asks for beside the primary one; None without any."""
    rows = []
    for arm in experiment.arms:
        row = [arm.name]
        for name in experiment.figures:
            of_arm = [run for run in runs if run.measured and run.cell["arm"] == arm.name]
            values = [run.figures.get(name) for run in of_arm]
            values = [value for value in values if value is not None]
            row.append(table.human(statistics.median(values), units[name]) if values else "-")
        rows.append(row)
    return {
        "name": "figures",
        "title": "Beside the primary figure",
        "text": "Medians over the measured runs, without a verdict.",
        "data": {"columns": ["arm", *experiment.figures], "rows": rows},
    }


def host_unchanged(count, changed, notes):
    """The finding that the host is as it was."""
    if not changed and not notes:
        text = f"All {count} writable sysctls of the host had the same value before and after."
    else:
        text = (
            f"Of {count} writable sysctls of the host, not the same before and after (an experiment "
            f"puts back what it sets: somebody else wrote them): {'; '.join([*changed, *notes])}."
        )
    return {"name": "host", "title": "The host's settings", "text": text, "data": {}}


def text_lines(finding):
    """A finding as text for the terminal."""
    data = finding["data"]
    lines = textwrap.wrap(finding["text"], 98)
    if data:
        rows = [["-" if cell is None else str(cell) for cell in row] for row in data["rows"]]
        rows = table.aligned(data["columns"], rows)
        lines = [f"{finding['title']}:", *(f"  {row}" for row in rows), *lines]
    return lines
