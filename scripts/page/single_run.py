"""The sections of the page of one run, from its documents, without an experiment."""

from . import fields, markup, merged, units

_PERCENTILES = ("50", "90", "99", "99.9", "99.99")
_LATENCIES = {
    "connect": "connect",
    "echo": "echo",
    "wire": "wire (since the first byte sent)",
    "lateness": "lateness of the client itself",
    "receive_lateness": "receive lateness: in the client's sockets",
}
_MEMORY = (
    ("rss", "resident"),
    ("peak_rss", "peak resident"),
    ("pss", "resident, shared pages divided (PSS)"),
    ("rss_anon", "resident, anonymous"),
    ("virtual", "address space"),
    ("page_tables", "page tables"),
    ("per_connection", "resident per connection"),
)
_MACHINE = (
    ("slab", "slab"),
    ("kernel_stack", "kernel stacks"),
    ("page_tables", "page tables"),
    ("socket", "socket buffers"),
    ("anon", "anonymous pages"),
    ("total", "free memory lost"),
    ("per_connection", "kernel memory per connection"),
    ("total_per_connection", "free memory lost per connection"),
)


def verdict(client, server):
    """The result in one sentence."""
    connections = fields.at(client, "connections")
    served, requested = (fields.number_at(connections, name) for name in ("served", "requested"))
    if served is None or requested is None:
        accepted = fields.number_at(server, "connections", "accepted")
        return None if accepted is None else f"The server accepted {accepted:,} connections."
    words = f"{served:,} of {requested:,} connections were served"
    rate = fields.number_at(client, "throughput", "echoes_per_s")
    if rate:
        words += f", at {rate:,.0f} verified echoes per second"
    middle, high = (fields.number_at(client, "latency", "echo", "percentiles", p) for p in ("50", "99"))
    if middle is not None:
        bound = ">= " if "50" in fields.list_at(client, "latency", "echo", "at_least") else ""
        words += f"; half of the echoes came back within {bound}{units.text(middle, 'ns')}"
        if high is not None:
            bound = "at least " if "99" in fields.list_at(client, "latency", "echo", "at_least") else ""
            words += f", 99 % within {bound}{units.text(high, 'ns')}"
    loop = fields.text_at(client, "latency", "loop")
    words += f" ({loop} loop)." if loop else "."
    return " ".join(filter(None, (words, merged.said_of_missing(client))))


def latencies(client):
    rows, every = [], []
    for name, label in _LATENCIES.items():
        histogram = fields.at(client, "latency", name)
        if fields.number_at(histogram, "count"):
            values = [fields.number_at(histogram, "percentiles", p) for p in _PERCENTILES]
            values = [fields.number_at(histogram, "min"), *values, fields.number_at(histogram, "max")]
            bounds = [None, *(p in fields.list_at(histogram, "at_least") for p in _PERCENTILES), None]
            rows.append((label, fields.number_at(histogram, "count"), values, bounds))
            every += values
    if not rows:
        return None
    heads = ("", "count", "minimum", *(f"p{p}" for p in _PERCENTILES), "maximum")
    shown = [
        [label, f"{count:,}", *((">= " if bound else "") + units.text(v, "ns") for v, bound in zip(values, bounds))]
        for label, count, values, bounds in rows
    ]
    return markup.section(
        "latency",
        "Latency",
        markup.table("Times; a dash where fewer than ten samples lie above", heads, shown),
    )


def connections(client, server):
    rows = []
    told = fields.at(client, "connections")
    seen = f"as the client{'s' if merged.is_merged(client) else ''} saw it"
    for name in ("requested", "established", "served", "max_concurrent", "slow"):
        value = fields.number_at(told, name)
        if value is not None:
            rows.append([name.replace("_", " "), f"{value:,}", seen])
    causes = fields.at(told, "failed")
    for cause, count in causes.items() if isinstance(causes, dict) else ():
        rows.append([f"failed: {cause.replace('_', ' ')}", f"{count:,}" if fields.is_number(count) else count, seen])
    for name in ("accepted", "closed", "open_at_stop", "max_concurrent"):
        value = fields.number_at(server, "connections", name)
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
        value = fields.number_at(client, "throughput", name)
        if value:
            rows.append([label, units.text(value, unit) + (" per second" if unit == "B" else "")])
    for name, label in (
        ("total_ns_per_echo", "CPU per echo, total"),
        ("client_ns_per_echo", "CPU per echo, client"),
        ("server_ns_per_echo", "CPU per echo, server"),
        ("softirq_ns_per_echo", "CPU per echo, softirq threads"),
    ):
        value = fields.number_at(client, "cpu", name)
        if value is not None:
            rows.append([label, units.text(value, "ns")])
    for name, label in (("client_busiest_thread", "busiest thread of the client"), ("steal", "steal")):
        value = fields.number_at(client, "cpu", name)
        if value is not None:
            rows.append([label, units.percent(value)])
    return markup.table("Throughput and CPU", ("what", "value"), rows)


def memory(client, server):
    own = fields.at(client, "memory", "server") or fields.at(server, "memory")
    rows = [
        [label, _bytes(own, name), _bytes(fields.at(client, "memory", "client"), name)]
        for name, label in _MEMORY
    ]
    rows = [row for row in rows if row[1:] != ["-", "-"]]
    machine = [
        [label, _bytes(fields.at(client, "memory", "machine"), name)] for name, label in _MACHINE
    ]
    machine = [row for row in machine if row[1] != "-"]
    return markup.section(
        "memory",
        "Memory",
        markup.table("Processes", ("what", "server", "client"), rows),
        markup.table("Kernel and machine, both ends: growth during the run", ("what", "growth"), machine),
    )


def _bytes(document, name):
    value = fields.number_at(document, name)
    return "-" if value is None else units.text(value, "B")


def balance(server):
    """The totals of each worker; None with fewer than two workers."""
    rows = []
    for told in fields.list_at(server, "workers"):
        values = [fields.number_at(told, name) for name in ("id", "accepted", "messages", "cpu_ns")]
        if values[0] is not None and None not in values[1:]:
            identity, accepted, messages, cpu = values
            rows.append([f"{identity:,}", f"{accepted:,}", f"{messages:,}", f"{cpu / 1e9:,.3f}"])
    if len(rows) < 2:
        return None
    heads = ("worker", "connections", "messages", "CPU (s)")
    table = markup.table("Totals per worker", heads, rows[:500])
    return table if len(rows) <= 16 else markup.details(f"Totals per worker ({len(rows)})", table)


def manifest(client, server):
    """The documents' environment block and options, in the form of a manifest."""
    told = fields.at(client, "environment") or fields.at(server, "environment") or {}
    told = dict(told) if isinstance(told, dict) else {}
    found = {
        "kernel": told.pop("kernel", None),
        "cpu": {"model": told.pop("cpu", None), "count": told.pop("cpus", None)},
        "memory_b": told.pop("memory", None),
        "build": {name: told.pop(name, None) for name in ("compiler", "boost", "assertions")},
        **told,
    }
    options = {
        end: fields.at(document, "options")
        for end, document in (("client", client), ("server", server))
        if isinstance(fields.at(document, "options"), dict)
    }
    found["options"] = {
        end: {name: value for name, value in given.items() if value is not None}
        for end, given in options.items()
    }
    return found
