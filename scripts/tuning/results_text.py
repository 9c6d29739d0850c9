"""The text of scripts/tune: --list, --dry-run, and the tables that it adds to the results: the arms
and their settings as read back. Pure except for reading the host's values."""

import pathlib
import statistics
import textwrap

from experiment import table


def listing(experiments):
    """Lines of --list: one paragraph per experiment."""
    lines = []
    for experiment in experiments:
        apply = "  (needs --apply)" if experiment.host_settings else ""
        lines.append(f"{experiment.name}{apply}")
        names = ", ".join(arm.name for arm in experiment.arms)
        for text in (experiment.question, f"arms: {names}"):
            lines += textwrap.wrap(text, 92, initial_indent="    ", subsequent_indent="    ")
    return lines


def plan(experiment, options, feasibility):
    """Lines of --dry-run."""
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
        rows.append(("host", f"{name}: changed for each run and restored after it"))
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
    """The table of all settings: of the host, of a new namespace, of each arm.

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
    text = "Every run of every arm, the control too, had a new private network namespace. "
    text += f"Its defaults differ from the host's: {'; '.join(apart)}." if apart else (
        "For the settings below, its defaults are the same as the host's."
    )
    unread = [arm.name for arm in experiment.arms if arm.name not in read_back]
    if unread:
        text += f" Not read back, because it did not run: {', '.join(unread)}."
    columns = ["setting", "host", "new namespace", *(arm.name for arm in experiment.arms)]
    return {
        "name": "settings",
        "title": "Settings of the arms, as read back",
        "text": text,
        "data": {"columns": columns, "rows": rows},
    }


def read_settings(findings):
    """{arm: {name: value}} from the table that `settings` wrote, for a resumed experiment."""
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
    """The table of medians of the file's other figures."""
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
        "title": "Other figures",
        "text": "Medians over the measured runs, without a verdict.",
        "data": {"columns": ["arm", *experiment.figures], "rows": rows},
    }


def host_unchanged(count, changed, notes):
    """The statement whether the host's settings are unchanged."""
    if not changed and not notes:
        text = f"All {count} writable sysctls of the host had the same value before and after."
    else:
        text = (
            f"Of {count} writable sysctls of the host, these changed (the experiment restores what "
            f"it sets; another process wrote them): {'; '.join([*changed, *notes])}."
        )
    return {"name": "host", "title": "The host's settings", "text": text, "data": {}}


def text_lines(finding):
    """A table or statement of the results as lines for the terminal."""
    data = finding["data"]
    lines = textwrap.wrap(finding["text"], 98)
    if data:
        rows = [["-" if cell is None else str(cell) for cell in row] for row in data["rows"]]
        rows = table.aligned(data["columns"], rows)
        lines = [f"{finding['title']}:", *(f"  {row}" for row in rows), *lines]
    return lines
