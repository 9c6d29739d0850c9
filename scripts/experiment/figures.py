"""The figures of one run, by name: meaning, unit, and where the programs' documents hold them.

A figure that the documents do not hold is None. A percentile that is only a lower bound is None
too, because statistics need a value. CPU times are per echo. Memory is in bytes: a total
(`resident_b`), whose slope over several N is the memory per connection, and one run's share
(`resident_b_per_connection`), which includes the server's fixed part.

    figures.read(json.load(open("client.json")), json.load(open("server.json")))["echoes_per_s"]
"""

import dataclasses

import compare_figures

at, number = compare_figures.at, compare_figures.number_at


@dataclasses.dataclass(frozen=True)
class Figure:
    name: str
    unit: str  #: ns, B, s, 1/s, 1 for a count, x for times another figure
    better: str | None  #: lower, higher; None: neither
    about: str

    def as_json(self):
        """The figure's value in experiment.json's `figures`."""
        return {"unit": self.unit, "better": self.better, "about": self.about}


def _figure(name, unit, better, about):
    return name, Figure(name, unit, better, about)


LOW, HIGH = "lower", "higher"
FIGURES = dict(
    (
        _figure("server_ns_per_echo", "ns", LOW, "server CPU per echo"),
        _figure("client_ns_per_echo", "ns", LOW, "client CPU per echo"),
        _figure("both_ns_per_echo", "ns", LOW, "CPU of both ends and softirq per echo"),
        _figure("server_by_client", "x", LOW, "server CPU per echo relative to the client's"),
        _figure("echoes_per_wait", "1", None, "echoes per wait of the client"),
        _figure("echoes_per_s", "1/s", HIGH, "verified echoes per second"),
        _figure("connects_per_s", "1/s", HIGH, "connections established per second"),
        _figure("ramp_s", "s", LOW, "time until all requested connections were established"),
        _figure("connect_p50_ns", "ns", LOW, "median connect time"),
        _figure("connect_p99_ns", "ns", LOW, "99th percentile of the connect time"),
        _figure("echo_p50_ns", "ns", LOW, "median echo time"),
        _figure("echo_p99_ns", "ns", LOW, "99th percentile of the echo time"),
        _figure("resident_b", "B", LOW, "resident memory of the server added by the connections"),
        _figure("peak_resident_b", "B", LOW, "largest resident memory of the server"),
        _figure(
            "resident_b_per_connection", "B", LOW, "resident memory of the server per connection"
        ),
        _figure("virtual_b", "B", LOW, "address space of the server"),
        _figure("page_tables_b", "B", LOW, "page tables of the server"),
        _figure("kernel_stack_b", "B", LOW, "growth of kernel stacks, whole machine"),
        _figure("slab_b", "B", LOW, "growth of slab, whole machine"),
        _figure("kernel_b", "B", LOW, "growth of kernel memory, whole machine, both ends"),
        _figure("machine_b", "B", LOW, "loss of free memory, whole machine, both ends"),
        _figure("kernel_stack_b_per_connection", "B", LOW, "kernel stacks per connection"),
        _figure("slab_b_per_connection", "B", LOW, "slab per connection, both ends"),
        _figure("kernel_b_per_connection", "B", LOW, "kernel memory per connection, both ends"),
        _figure(
            "machine_b_per_connection", "B", LOW, "free memory lost per connection, both ends"
        ),
        _figure("threads", "1", LOW, "threads of the server"),
        _figure("listen_overflows", "1", LOW, "times an accept queue was full"),
        _figure("listen_drops", "1", LOW, "SYNs dropped by a listener"),
        _figure("retransmits", "1", LOW, "TCP segments retransmitted"),
        _figure("served", "1", HIGH, "connections with a verified echo and no error"),
        _figure("failed", "1", LOW, "requested connections that were not served"),
    )
)


def as_json():
    """All figures, as experiment.json's `figures`."""
    return {name: figure.as_json() for name, figure in FIGURES.items()}


def read(client, server):
    """Figures by name, from the documents of both ends. Either document may be None."""
    cpu, connections = at(client, "cpu"), at(client, "connections")
    established, requested = number(connections, "established"), number(connections, "requested")
    memory, machine = at(client, "memory", "server"), at(client, "memory", "machine")
    ramp = number(client, "phases", "ramp", "ns")
    share = number(memory, "per_connection")
    found = {
        "server_ns_per_echo": number(cpu, "server_ns_per_echo"),
        "client_ns_per_echo": number(cpu, "client_ns_per_echo"),
        "both_ns_per_echo": compare_figures.both_ends(cpu),
        "server_by_client": _ratio(
            number(cpu, "server_ns_per_echo"), number(cpu, "client_ns_per_echo")
        ),
        "echoes_per_wait": _ratio(
            number(client, "phases", "measured", "echoes_within"),
            number(client, "kernel", "epoll_waits"),
        ),
        "echoes_per_s": number(client, "throughput", "echoes_per_s"),
        "connects_per_s": number(client, "throughput", "connects_per_s"),
        "ramp_s": ramp / 1e9 if ramp and established == requested else None,
        "connect_p50_ns": _exact(compare_figures.told(at(client, "latency", "connect"), 50)),
        "connect_p99_ns": _exact(compare_figures.told(at(client, "latency", "connect"), 99)),
        "echo_p50_ns": _exact(compare_figures.percentile(client, 50) if client else None),
        "echo_p99_ns": _exact(compare_figures.percentile(client, 99) if client else None),
        "resident_b": None if share is None or not established else share * established,
        "peak_resident_b": _largest(memory, at(server, "memory")),
        "resident_b_per_connection": share,
        "virtual_b": number(memory, "virtual"),
        "page_tables_b": number(memory, "page_tables"),
        "kernel_stack_b": number(machine, "kernel_stack"),
        "slab_b": number(machine, "slab"),
        "kernel_b": _kernel(machine),
        "machine_b": number(machine, "total"),
        "kernel_stack_b_per_connection": _share(number(machine, "kernel_stack"), established),
        "slab_b_per_connection": _share(number(machine, "slab"), established),
        # 0: other programs freed more memory than all connections took.
        "kernel_b_per_connection": number(machine, "per_connection") or None,
        "machine_b_per_connection": number(machine, "total_per_connection"),
        "threads": number(memory, "threads"),
        "listen_overflows": number(client, "kernel", "listen_overflows"),
        "listen_drops": number(client, "kernel", "listen_drops"),
        "retransmits": number(client, "kernel", "retransmitted_segments"),
        "served": number(connections, "served"),
        "failed": None if requested is None else requested - (number(connections, "served") or 0),
    }
    assert found.keys() == FIGURES.keys()
    return found


def _ratio(one, other):
    return None if one is None or not other else one / other


def _exact(percentile):
    return None if percentile is None or percentile[1] else percentile[0]


def _largest(*memories):
    peaks = [peak for peak in (number(one, "peak_rss") for one in memories) if peak is not None]
    return max(peaks, default=None)


def _kernel(machine):
    parts = [number(machine, name) for name in ("slab", "kernel_stack", "page_tables", "socket")]
    return None if None in parts else sum(parts)


def _share(total, connections):
    return None if total is None or not connections else total / connections
