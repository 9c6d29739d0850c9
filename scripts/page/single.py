"""The parts of the page of one run: what its documents tell, without an experiment around them."""

from . import markup, source, units

_PERCENTILES = ("50", "90", "99", "99.9", "99.99")
_LATENCIES = {
    "connect": "connect",
    "echo": "echo",
    "wire": "wire (from the first byte sent)",
    "lateness": "lateness of the client itself",
}
_MEMORY = (
    ("rss", "resident"),
    ("peak_rss", "largest resident"),
    ("pss", "resident, shared pages by share"),
    ("rss_anon", "resident, anonymous"),
    ("virtual", "address space"),
    ("page_tables", "page tables"),
    ("per_connection", "resident for one connection"),
)
_MACHINE = (
    ("slab", "slab"),
    ("kernel_stack", "kernel stacks"),
    ("page_tables", "page tables"),
    ("socket", "socket buffers"),
    ("anon", "anonymous pages"),
    ("total", "free memory lost"),
    ("per_connection", "kernel memory for one connection"),
    ("total_per_connection", "free memory lost for one connection"),
)


def verdict(client, server):
    """One sentence: what came of it."""
    connections = source.at(client, "connections")
    served, asked = (source.number_at(connections, name) for name in ("served", "requested"))
    if served is None or asked is None:
        accepted = source.number_at(server, "connections", "accepted")
        return None if accepted is None else f"The server accepted {accepted:,} connections."
    words = f"{served:,} of {asked:,} connections were served"
    rate = source.number_at(client, "throughput", "echoes_per_s")
    if rate:
        words += f", at {rate:,.0f} verified echoes a second"
    middle, high = (source.number_at(client, "latency", "echo", "percentiles", p) for p in ("50", "99"))
    if middle is not None:
        bound = ">= " if "50" in source.list_at(client, "latency", "echo", "at_least") else ""
        words += f"; half of them came back within {bound}{units.text(middle, 'ns')}"
        if high is not None:
            bound = "at least " if "99" in source.list_at(client, "latency", "echo", "at_least") else ""
            words += f", 99 % within {bound}{units.text(high, 'ns')}"
    loop = source.text_at(client, "latency", "loop")
    return words + (f" ({loop} loop)." if loop else ".")


def latencies(client):
    rows, every = [], []
    for name, label in _LATENCIES.items():
        histogram = source.at(client, "latency", name)
        if source.number_at(histogram, "count"):
            values = [source.number_at(histogram, "percentiles", p) for p in _PERCENTILES]
            values = [source.number_at(histogram, "min"), *values, source.number_at(histogram, "max")]
            bounds = [None, *(p in source.list_at(histogram, "at_least") for p in _PERCENTILES), None]
            rows.append((label, source.number_at(histogram, "count"), values, bounds))
            every += values
    if not rows:
        return None
    heads = ("", "count", "least", *(f"p{p}" for p in _PERCENTILES), "most")
    shown = [
        [label, f"{count:,}", *((">= " if bound else "") + units.text(v, "ns") for v, bound in zip(values, bounds))]
        for label, count, values, bounds in rows
    ]
    return markup.section(
        "latency",
        "Latency",
        markup.table("Times, with a dash where fewer than ten samples lie above", heads, shown),
    )


def connections(client, server):
    rows = []
    told = source.at(client, "connections")
    for name in ("requested", "established", "served", "max_concurrent", "slow"):
        value = source.number_at(told, name)
        if value is not None:
            rows.append([name.replace("_", " "), f"{value:,}", "as the client saw it"])
    causes = source.at(told, "failed")
    for cause, count in causes.items() if isinstance(causes, dict) else ():
        rows.append([f"failed: {cause.replace('_', ' ')}", f"{count:,}" if source.is_number(count) else count, "as the client saw it"])
    for name in ("accepted", "closed", "open_at_stop", "max_concurrent"):
        value = source.number_at(server, "connections", name)
        if value is not None:
            rows.append([name.replace("_", " "), f"{value:,}", "as the server saw it"])
    made = markup.table("Connections", ("what", "connections", ""), rows)
    return markup.Markup(made.replace('<td class="number">as', "<td>as")) if made else None


def rates(client):
    rows = []
    for name, label, unit in (
        ("echoes_per_s", "verified echoes", "1/s"),
        ("connects_per_s", "connects", "1/s"),
        ("bytes_per_s", "bytes verified", "B"),
    ):
        value = source.number_at(client, "throughput", name)
        if value:
            rows.append([label, units.text(value, unit) + (" a second" if unit == "B" else "")])
    for name, label in (
        ("total_ns_per_echo", "CPU of one echo, all of it"),
        ("client_ns_per_echo", "CPU of one echo, client"),
        ("server_ns_per_echo", "CPU of one echo, server"),
        ("softirq_ns_per_echo", "CPU of one echo, softirq threads"),
    ):
        value = source.number_at(client, "cpu", name)
        if value is not None:
            rows.append([label, units.text(value, "ns")])
    for name, label in (("client_busiest_thread", "busiest thread of the client"), ("steal", "steal")):
        value = source.number_at(client, "cpu", name)
        if value is not None:
            rows.append([label, units.percent(value)])
    return markup.table("Throughput and CPU", ("what", "value"), rows)


def memory(client, server):
    own = source.at(client, "memory", "server") or source.at(server, "memory")
    rows = [
        [label, _bytes(own, name), _bytes(source.at(client, "memory", "client"), name)]
        for name, label in _MEMORY
    ]
    rows = [row for row in rows if row[1:] != ["-", "-"]]
    machine = [
        [label, _bytes(source.at(client, "memory", "machine"), name)] for name, label in _MACHINE
    ]
    machine = [row for row in machine if row[1] != "-"]
    return markup.section(
        "memory",
        "Memory",
        markup.table("Of the processes", ("what", "server", "client"), rows),
        markup.table("Of the kernel and the machine, both ends: growth during the run", ("what", "growth"), machine),
    )


def _bytes(document, name):
    value = source.number_at(document, name)
    return "-" if value is None else units.text(value, "B")


def balance(server):
    """How evenly the workers shared the work."""
    rows = []
    for told in source.list_at(server, "workers"):
        values = [source.number_at(told, name) for name in ("id", "accepted", "messages", "cpu_ns")]
        if values[0] is not None and None not in values[1:]:
            identity, accepted, messages, cpu = values
            rows.append([f"{identity:,}", f"{accepted:,}", f"{messages:,}", f"{cpu / 1e9:,.3f}"])
    if len(rows) < 2:
        return None
    heads = ("worker", "connections", "messages", "CPU (s)")
    table = markup.table("Totals of the workers", heads, rows[:500])
    return table if len(rows) <= 16 else markup.details(f"Totals of the workers ({len(rows)})", table)


def manifest(client, server):
    """The environment block of the documents, and the options, in the form of a manifest."""
    told = source.at(client, "environment") or source.at(server, "environment") or {}
    told = dict(told) if isinstance(told, dict) else {}
    found = {
        "kernel": told.pop("kernel", None),
        "cpu": {"model": told.pop("cpu", None), "count": told.pop("cpus", None)},
        "memory_b": told.pop("memory", None),
        "build": {name: told.pop(name, None) for name in ("compiler", "boost", "assertions")},
        **told,
    }
    options = {
        end: source.at(document, "options")
        for end, document in (("client", client), ("server", server))
        if isinstance(source.at(document, "options"), dict)
    }
    found["options"] = {
        end: {name: value for name, value in given.items() if value is not None}
        for end, given in options.items()
    }
    return found
