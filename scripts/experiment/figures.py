"""The figures of one run, by name: what they are, in which unit, and how the documents tell them.

A figure that a document does not hold is None, never invented; so is a percentile that is only a
lower bound, since a bound is no value to do statistics with. Times of CPU are per echo, memory in
bytes: a total (`resident_b`), whose slope over several N is the honest memory per connection, and
one run's own share (`resident_b_per_connection`), which holds the fixed part too.

    figures.read(json.load(open("client.json")), json.load(open("server.json")))["echoes_per_s"]
"""

import dataclasses

import compare_figures

at = compare_figures.at


@dataclasses.dataclass(frozen=True)
class Figure:
    name: str
    unit: str  #: ns, B, s, 1/s, 1 for a count, x for times another figure
    better: str | None  #: lower, higher; None: neither
    about: str

    def as_json(self):
        """As experiment.json's `figures` holds it, under its name."""
        return {"unit": self.unit, "better": self.better, "about": self.about}


def _figure(name, unit, better, about):
    return name, Figure(name, unit, better, about)


LOW, HIGH = "lower", "higher"
FIGURES = dict(
    (
        _figure("server_ns_per_echo", "ns", LOW, "CPU of the server for one echo"),
        _figure("client_ns_per_echo", "ns", LOW, "CPU of the client for one echo"),
        _figure("both_ns_per_echo", "ns", LOW, "CPU of both ends and of softirq for one echo"),
        _figure("server_by_client", "x", LOW, "CPU of the server for one echo, by the client's"),
        _figure("echoes_per_wait", "1", None, "echoes that the client found at a time"),
        _figure("echoes_per_s", "1/s", HIGH, "verified echoes a second"),
        _figure("connects_per_s", "1/s", HIGH, "connections established a second"),
        _figure("ramp_s", "s", LOW, "until all requested connections were established"),
        _figure("connect_p50_ns", "ns", LOW, "median time of a connect"),
        _figure("connect_p99_ns", "ns", LOW, "99th percentile of the time of a connect"),
        _figure("echo_p50_ns", "ns", LOW, "median time of an echo"),
        _figure("echo_p99_ns", "ns", LOW, "99th percentile of the time of an echo"),
        _figure("resident_b", "B", LOW, "resident memory of the server that the connections added"),
        _figure("peak_resident_b", "B", LOW, "largest resident memory of the server"),
        _figure(
            "resident_b_per_connection", "B", LOW, "resident memory of the server for a connection"
        ),
        _figure("virtual_b", "B", LOW, "address space of the server"),
        _figure("page_tables_b", "B", LOW, "page tables of the server"),
        _figure("kernel_stack_b", "B", LOW, "kernel stacks that the whole machine gained"),
        _figure("slab_b", "B", LOW, "slab that the whole machine gained"),
        _figure("kernel_b", "B", LOW, "kernel memory that the whole machine gained, both ends"),
        _figure("machine_b", "B", LOW, "free memory that the machine lost, both ends"),
        _figure("kernel_stack_b_per_connection", "B", LOW, "kernel stacks for one connection"),
        _figure("slab_b_per_connection", "B", LOW, "slab for one connection, both ends"),
        _figure("kernel_b_per_connection", "B", LOW, "kernel memory for one connection, both ends"),
        _figure(
            "machine_b_per_connection", "B", LOW, "free memory lost for a connection, both ends"
        ),
        _figure("threads", "1", LOW, "threads of the server"),
        _figure("listen_overflows", "1", LOW, "times that an accept queue was full"),
        _figure("listen_drops", "1", LOW, "SYNs that a listener dropped"),
        _figure("retransmits", "1", LOW, "TCP segments sent again"),
        _figure("served", "1", HIGH, "connections with a verified echo and nothing wrong"),
        _figure("failed", "1", LOW, "requested connections that were not served"),
    )
)


def as_json():
    """All of them, for experiment.json."""
    return {name: figure.as_json() for name, figure in FIGURES.items()}


def read(client, server):
    """Figures by name out of the documents of both ends. Either may be None."""
    cpu, connections = at(client, "cpu"), at(client, "connections")
    established, requested = at(connections, "established"), at(connections, "requested")
    memory, machine = at(client, "memory", "server"), at(client, "memory", "machine")
    ramp = at(client, "phases", "ramp", "ns")
    share = at(memory, "per_connection")
    found = {
        "server_ns_per_echo": at(cpu, "server_ns_per_echo"),
        "client_ns_per_echo": at(cpu, "client_ns_per_echo"),
        "both_ns_per_echo": compare_figures.both_ends(cpu),
        "server_by_client": _ratio(at(cpu, "server_ns_per_echo"), at(cpu, "client_ns_per_echo")),
        "echoes_per_wait": _ratio(
            at(client, "phases", "measured", "echoes_within"), at(client, "kernel", "epoll_waits")
        ),
        "echoes_per_s": at(client, "throughput", "echoes_per_s"),
        "connects_per_s": at(client, "throughput", "connects_per_s"),
        "ramp_s": ramp / 1e9 if ramp and established == requested else None,
        "connect_p50_ns": _exact(compare_figures.told(at(client, "latency", "connect"), 50)),
        "connect_p99_ns": _exact(compare_figures.told(at(client, "latency", "connect"), 99)),
        "echo_p50_ns": _exact(compare_figures.percentile(client, 50) if client else None),
        "echo_p99_ns": _exact(compare_figures.percentile(client, 99) if client else None),
        "resident_b": None if share is None or not established else share * established,
        "peak_resident_b": _largest(memory, at(server, "memory")),
        "resident_b_per_connection": share,
        "virtual_b": at(memory, "virtual"),
        "page_tables_b": at(memory, "page_tables"),
        "kernel_stack_b": at(machine, "kernel_stack"),
        "slab_b": at(machine, "slab"),
        "kernel_b": _kernel(machine),
        "machine_b": at(machine, "total"),
        "kernel_stack_b_per_connection": _share(at(machine, "kernel_stack"), established),
        "slab_b_per_connection": _share(at(machine, "slab"), established),
        # 0: others on the machine gave more back than all connections took.
        "kernel_b_per_connection": at(machine, "per_connection") or None,
        "machine_b_per_connection": at(machine, "total_per_connection"),
        "threads": at(memory, "threads"),
        "listen_overflows": at(client, "kernel", "listen_overflows"),
        "listen_drops": at(client, "kernel", "listen_drops"),
        "retransmits": at(client, "kernel", "retransmitted_segments"),
        "served": at(connections, "served"),
        "failed": None if requested is None else requested - (at(connections, "served") or 0),
    }
    assert found.keys() == FIGURES.keys()
    return found


def _ratio(one, other):
    return None if one is None or not other else one / other


def _exact(percentile):
    return None if percentile is None or percentile[1] else percentile[0]


def _largest(*memories):
    peaks = [peak for peak in (at(one, "peak_rss") for one in memories) if peak is not None]
    return max(peaks, default=None)


def _kernel(machine):
    parts = [at(machine, name) for name in ("slab", "kernel_stack", "page_tables", "socket")]
    return None if None in parts else sum(parts)


def _share(total, connections):
    return None if total is None or not connections else total / connections
