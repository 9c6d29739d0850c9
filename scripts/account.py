"""The memory of a run by kind: what it lost, and what `limits` forecasts.

    before = account.settle(lambda: account.snapshot(pids))
    ... establish n connections ...
    after = account.settle(lambda: account.snapshot(pids))
    found = account.difference(before, after, connections=n, threads=1)
    print("\\n".join(account.table(found, account.forecast(n, "callbacks"))))

All figures are in bytes; one that cannot be read is None, never 0. Resident memory and page tables
are those of the given processes; every other kind is that of the whole machine: of both ends if
both are local, and of all other programs. `snapshot` and `settle`: memory_snapshot.py.
"""

import os
import pathlib
import subprocess

import documents
from memory_snapshot import settle, snapshot, sum_of

__all__ = ["NoForecast", "difference", "forecast", "lost", "settle", "slopes", "snapshot", "table"]

#: What a run's memory consists of. The send fragments of threads (task_frag) are in no counter:
#: they are `unexplained`.
KINDS = ("resident", "page_tables", "kernel_stack", "slab", "socket")
TIMEOUT = 30
LEAST = 20  #: bytes per connection
ENOUGH, REFUSED = 0, 3  #: exit codes of limits with which it writes its document


class NoForecast(Exception):
    """`limits` is missing, refused the question, or wrote no forecast. One line."""


# ---- computing (pure) ----------------------------------------------------------------------------
def lost(before, after):
    """Bytes that were taken between two snapshots, in all, by kind.

    Beside KINDS: free_lost (by which the free memory shrank), others (by which anonymous memory and
    page tables of all other processes grew), proc_inodes (not in `slab` where they are known),
    slab_in_use (of objects and not of pages: what of slab was needed),
    unexplained (free_lost less all of these: send fragments, and what other programs did
    meanwhile), slab_by_cache, and what is by pid. A pid that was not there before had nothing.
    """
    taken = {kind: _minus(after[kind], before[kind]) for kind in KINDS}
    for kind in ("resident", "page_tables"):
        key = f"{kind}_by_pid"
        taken[key] = {
            pid: _minus(now, before[key].get(pid, 0)) for pid, now in after[key].items()
        }
        taken[kind] = sum_of(taken[key].values())
    taken["free_lost"] = _minus(before["free"], after["free"])
    taken["slab_in_use"] = _minus(after["slab_in_use"], before["slab_in_use"])
    of_all = _minus(after["processes"], before["processes"])
    taken["others"] = _minus(of_all, sum_of((taken["resident"], taken["page_tables"])))
    explained = sum_of(taken[kind] for kind in (*KINDS, "others"))
    taken["proc_inodes"] = _minus(after["proc_inodes"], before["proc_inodes"])
    if taken["slab"] is not None and taken["proc_inodes"] is not None:
        taken["slab"] -= taken["proc_inodes"]
    taken["unexplained"] = _minus(taken["free_lost"], explained)
    taken["slab_by_cache"] = _caches_lost(before["slab_by_cache"], after["slab_by_cache"])
    return taken


def difference(before, after, connections, threads=0):
    """The account of a run: lost() divided by the number of connections, with `connections`,
    `threads` (of both ends) and `unexplained_per_thread`, which is in the range of the send
    fragment if nothing else was missed. None without threads.
    """
    taken = lost(before, after)
    account = {key: _each(value, connections) for key, value in taken.items()}
    account["connections"], account["threads"] = connections, threads
    account["unexplained_per_thread"] = _each(taken["unexplained"], threads) if threads else None
    return account


def slopes(points):
    """The growth of each figure with N: bytes per connection, without the fixed part.

    `points`: pairs of N and a dictionary of figures, of lost() or snapshot(). Least squares. A
    figure that is None in one point is None, and so is every figure with only one N.
    """
    points = list(points)
    keys = [key for key, value in points[0][1].items() if not isinstance(value, dict)]
    return {key: _slope([(n, figures[key]) for n, figures in points]) for key in keys}


def table(account, forecast=None):
    """Lines: kind, measured and forecast bytes per connection, measured against forecast in %.

    `account`: of difference() or slopes(). `forecast`: of forecast(). An account of a difference
    contains what does not depend on N, so it is compared with the forecast of all, divided by N.
    A figure below LEAST bytes has no percentage.
    """
    expected = _expected(forecast["total"], account.get("connections")) if forecast else {}
    rows = [("per connection", "measured", "forecast", "difference")]
    for kind in (*KINDS[:4], "slab_in_use", *KINDS[4:]):
        measured = account.get(kind)
        figure = expected.get("slab" if kind == "slab_in_use" else kind)
        name = kind.replace("_", " ")
        rows.append((name, _bytes(measured), _bytes(figure), _percent(measured, figure)))
    for kind in _NAMES:
        if kind not in account:
            continue
        measured = account[kind]
        spread = expected.get({"unexplained": "send_fragment", "free_lost": "all"}.get(kind))
        rows.append((_NAMES[kind], _bytes(measured), _range(spread), _beyond(measured, spread)))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        f"{row[0]:<{widths[0]}}  "
        + "  ".join(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:])).rstrip()
        for row in rows
    ]


def _expected(total, connections):
    if not connections:
        return total["per_connection"]
    return {
        kind: {end: _each(value, connections) for end, value in figure.items()}
        if isinstance(figure, dict)
        else _each(figure, connections)
        for kind, figure in total["in_all"].items()
    }


_NAMES = {
    "proc_inodes": "names of /proc",
    "others": "other programs",
    "unexplained": "send fragment, unexplained",
    "free_lost": "in all, free memory lost",
}


# ---- the forecast --------------------------------------------------------------------------------
def forecast(n, model, options=(), binaries=None, ends="both"):
    """The object `forecast` of `limits -n N --model MODEL --json -- OPTIONS`
    (docs/schema/limits.json). Raises NoForecast.

    `options`: of the server. `binaries`: the folder of the programs; by default TESTBED_BIN_DIR, or
    build/bin.
    """
    command = [str(_folder(binaries) / "limits"), "-n", str(n), "--ends", ends, "--json"]
    if ends != "client":
        command += ["--model", model, "--", *map(str, options)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoForecast(f"{command[0]}: {error}") from error
    if done.returncode not in (ENOUGH, REFUSED):
        said = done.stderr.partition("\n")[0]
        raise NoForecast(f"limits ended with {done.returncode}: {said}")
    try:
        return documents.parse_json(done.stdout)["forecast"]
    except (ValueError, KeyError, TypeError) as error:
        raise NoForecast("limits wrote no forecast") from error


def _folder(binaries):
    source = pathlib.Path(__file__).resolve().parents[1]
    beside = source / "bin" if (source / "bin").is_dir() else source / "build" / "bin"
    return pathlib.Path(binaries or os.environ.get("TESTBED_BIN_DIR") or beside)


# ---- parts ---------------------------------------------------------------------------------------
def _caches_lost(before, after):
    if before is None or after is None:
        return None
    return {name: bytes_ - before.get(name, 0) for name, bytes_ in after.items()}


def _minus(a, b):
    return None if a is None or b is None else a - b


def _each(value, number):
    if isinstance(value, dict):
        return {key: _each(inner, number) for key, inner in value.items()}
    return None if value is None else value / number


def _slope(pairs):
    if any(value is None for _, value in pairs):
        return None
    mean_n = sum(n for n, _ in pairs) / len(pairs)
    mean = sum(value for _, value in pairs) / len(pairs)
    spread = sum((n - mean_n) ** 2 for n, _ in pairs)
    return sum((n - mean_n) * (value - mean) for n, value in pairs) / spread if spread else None


def _bytes(value):
    return "-" if value is None else f"{value:,.0f} B"


def _range(spread):
    return "-" if spread is None else f"{spread['least']:,.0f} to {spread['most']:,.0f} B"


def _percent(measured, figure):
    if measured is None or not figure or figure < LEAST:
        return "-"
    return f"{(measured / figure - 1) * 100:+.1f} %"


def _beyond(measured, spread):
    """How far a measured figure is outside a range, in % of the nearer end."""
    if measured is None or spread is None:
        return "-"
    if spread["least"] <= measured <= spread["most"]:
        return "within"
    return _percent(measured, spread["least" if measured < spread["least"] else "most"])
