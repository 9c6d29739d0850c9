"""The figures of one run, read from the documents of client and server. Pure.

Where a document is missing or a figure null, the figure is None; it is never guessed. Times are
in nanoseconds; a latency is a pair, the value and whether it is only a lower bound.
"""

import math

import demo_table
import documents

at = demo_table.at


def number_at(document, *keys):
    """As `at`, for a number; None where it is something else."""
    value = at(document, *keys)
    return value if documents.is_number(value) else None


#: docs/terminology.md, the ten-samples rule.
SAMPLES_ABOVE = 10
#: Causes of failure of a connection that waits while a server serves its limit of others.
WAITING = {"timeout", "connect_timeout", "not_attempted"}
#: Causes of failure of a connection that a server accepts and closes immediately.
SHED = {"closed_early", "reset", "short"}


def middle(lower):
    """The middle of the bin that begins at `lower`: 128 per doubling, below 256 ns one per ns."""
    return lower + max(1, 1 << max(lower.bit_length() - 8, 0)) // 2


def percentile(document, percent):
    """(ns, is a lower bound) of the echoes in the window, or None with too few samples above.

    A connection that waits throughout sent its message in the warm-up, which has its own figures.
    Without it, the few served connections would represent all. So a message of the warm-up that had
    no answer counts here, as at least as long as the client waited.
    """
    measured = at(document, "latency", "echo")
    early = at(document, "phases", "warm_up", "echo")
    waiting = number_at(early, "censored") or 0
    if not waiting:
        return told(measured, percent)
    bins = [(middle(lower), count, False) for lower, count in at(measured, "bins") or ()]
    lowest = [number_at(one, "lowest_censored") for one in (measured, early) if at(one, "censored")]
    if None in lowest:
        return None
    bins = sorted([*bins, (early["lowest_censored"], waiting, True)])
    total = sum(count for _, count, _ in bins)
    rank = math.ceil(total * percent / 100 - 1e-9)
    if total < rank + SAMPLES_ABOVE:
        return None
    for value, count, _ in bins:
        rank -= count
        if rank <= 0:
            return value, value >= min(lowest)
    return None


def told(histogram, percent):
    """A percentile as the document has it."""
    value = number_at(histogram, "percentiles", f"{percent:g}")
    return None if value is None else (value, f"{percent:g}" in (at(histogram, "at_least") or ()))


def both_ends(cpu):
    """ns of CPU per echo: client and server, and the softirq threads where they can be read."""
    ends = number_at(cpu, "client_ns_per_echo"), number_at(cpu, "server_ns_per_echo")
    return None if None in ends else sum(ends) + (number_at(cpu, "softirq_ns_per_echo") or 0)


def figures_of(client, server):
    connections = at(client, "connections") or {}
    served, requested = connections.get("served"), connections.get("requested")
    cpu = at(client, "cpu")
    return {
        "served": served,
        "requested": requested,
        "at_once": connections.get("max_concurrent"),
        "echoes_per_s": at(client, "throughput", "echoes_per_s"),
        "server_ns": at(cpu, "server_ns_per_echo"),
        "both_ns": both_ends(cpu),
        "softirq_ns": at(cpu, "softirq_ns_per_echo"),
        "p50": percentile(client, 50) if client else None,
        "p99": percentile(client, 99) if client else None,
        "connect_p99": told(at(client, "latency", "connect"), 99),
        "resident": at(client, "memory", "server", "per_connection"),
        # 0: other processes freed more memory than all connections took.
        "kernel": at(client, "memory", "machine", "per_connection") or None,
        "balance": at(server, "balance", "cpu", "cv"),
        "balance_connections": at(server, "balance", "connections", "cv"),
        "replaced": at(server, "replaced"),
        "queue_wait_p99": told(at(server, "queue_wait"), 99),
        "client_busiest_thread": at(cpu, "client_busiest_thread"),
        "steal": at(cpu, "steal"),
        "slow_connects": connections.get("slow"),
        "listen_drops": at(client, "kernel", "listen_drops"),
    }


def unexplained(failed, shed, at_once, wanted):
    """Failures, by cause, that the server does not account for: neither its limit nor what it shed
    explains them, so something else is wrong, or the client's timeout was too short."""
    limited = at_once is not None and at_once < wanted
    rest = {cause: n for cause, n in failed.items() if not (limited and cause in WAITING)}
    refused = sum(n for cause, n in rest.items() if cause in SHED)
    if refused <= sum(shed.values()):
        rest = {cause: n for cause, n in rest.items() if cause not in SHED}
    return rest
