"""What stands below the tables of scripts/compare-models: what the figures are, of which machine.

A table travels without its page, so whatever a reader must know to not misread it goes with it.
"""

import statistics

from compare_plan import duration_text
from compare_table import CLIENT_BOUND

#: Share of the machine's time from which on what the hypervisor took is told.
MUCH_STEAL = 0.02


def caption_of(comparison, tables):
    """What the figures are, and on which machine; one sentence an element."""
    where = comparison.environment or {}
    memory = where.get("memory")
    machine = [
        f"{where.get('cpus', '?')} x {where.get('cpu', '?')}",
        f"{memory / 2**30:.1f} GiB" if memory else "-",
        where.get("kernel", "-"),
        (where.get("time") or "-")[:10],
    ]
    took = duration_text(comparison.seconds)
    rounds = f"{comparison.rounds} round{'s' if comparison.rounds != 1 else ''}"
    good = [run for run in comparison.runs if run.outcome == "measured"]
    lines = [
        f"{', '.join(machine)}; {len(comparison.runs)} runs in {took}.",
        f"Medians of {rounds}, each with every row once, in an order of its own (seed "
        f"{comparison.seed}); windows of {comparison.window:g} s after {comparison.warm_up:g} s of "
        "warm-up; a fresh server for each run; 64 B a message, verified. Single runs swing by 20 % "
        "and more: smaller differences than that are none.",
        pinning(comparison),
        "stream: closed loop, one message in flight on each connection. churn: connect, one echo, "
        "close, and again, at most so many in flight; `at once` is how many it came to. "
        "Latencies begin with the message, so in churn they hold the wait in the accept queue.",
        "us: CPU per echo, of the server and of both ends"
        + ("" if softirq_readable(good) else ", without the kernel's softirq threads")
        + ". B: memory per connection, resident in the server, and the kernel's for both ends. "
        "balance: CPU of the workers, coefficient of variation, 0 is even. queue: from accept to "
        "the worker.",
        ">=: a message without an answer counts as at least as long as was waited. (): of those "
        "that were served, as if the others had not asked; a closed loop asks the served thousands of "
        "times and the waiting once, so read `served` before anything else.",
    ]
    if CLIENT_BOUND in tables:
        lines.append(f"{CLIENT_BOUND}: the client's one thread was busy throughout; the rate is its.")
    steal = [run.figures["steal"] for run in good if run.figures.get("steal") is not None]
    if steal and max(steal) > MUCH_STEAL:
        lines.append(
            f"The hypervisor took {statistics.median(steal):.1%} of the machine's time in the "
            f"median run, {max(steal):.1%} in the worst: the highest percentiles are its."
        )
    return lines


def pinning(comparison):
    if comparison.cpus:
        server, client = comparison.cpus
        return f"Pinned: the server to CPU {server}, with all its workers, the client to {client}."
    return (
        "Nobody was pinned: the client and all workers of a server share the machine, so a model "
        "that keeps a core busy takes it from its client, and one with several workers can use "
        "what the client leaves."
    )


def softirq_readable(runs):
    return all(run.figures.get("softirq_ns") is not None for run in runs)
