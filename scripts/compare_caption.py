"""The text below the tables of scripts/compare-models: what the figures are, and of which machine.

A table is copied without its page, so what a reader must know to read it right goes with it.
"""

import statistics

import compare_table
from compare_plan import duration_text

#: From this share of the machine's time on, the caption reports what the hypervisor took.
MUCH_STEAL = 0.02
CLIENT_BOUND_TEXT = (
    f"{compare_table.CLIENT_BOUND}: the client's one thread was busy throughout; the rate is the "
    "client's limit."
)


def caption_of(comparison, tables, runs_in_all=None):
    """One paragraph per element. `runs_in_all`: of the comparison that this is a part of."""
    runs = f"{len(comparison.runs)} run{'s' if len(comparison.runs) != 1 else ''} in"
    if runs_in_all not in (None, len(comparison.runs)):
        runs = f"{len(comparison.runs)} of the {runs_in_all} runs made in"
    good = [run for run in comparison.runs if run.outcome == "measured"]
    lines = [
        f"{machine(comparison)}; {runs} {duration_text(comparison.seconds)}.",
        f"Medians of {rounds_text(comparison)}; each round runs every row once, in its own order "
        f"(seed {comparison.seed}). Windows of {comparison.window:g} s after "
        f"{comparison.warm_up:g} s of warm-up; a fresh server for each run; 64 B per message, "
        "verified. Single runs vary by 20 % and more: a difference smaller than that is none.",
        pinning(comparison),
        "stream: closed loop, one message in flight on each connection. churn: connect, one echo, "
        "close, and again, with at most that many in flight; `at once` is the largest number that "
        "was. Latencies begin with the message, so in churn they include the wait in the accept "
        "queue.",
        "us: CPU per echo, of the server and of both ends"
        + ("" if softirq_readable(good) else ", without the kernel's softirq threads")
        + ". B: memory per connection, resident in the server, and the kernel's for both ends. "
        "balance: coefficient of variation of the workers' CPU; 0 is even. queue: from accept to "
        "the worker.",
        ">=: a message without an answer counts as at least as long as the client waited. (): "
        "figures of the served connections alone, while the others waited. A closed loop sends "
        "thousands of messages on a served connection and one on a waiting one, so read `served` "
        "first.",
    ]
    if compare_table.CLIENT_BOUND in tables:
        lines.append(CLIENT_BOUND_TEXT)
    steal = [run.figures["steal"] for run in good if run.figures.get("steal") is not None]
    if steal and max(steal) > MUCH_STEAL:
        lines.append(
            f"The hypervisor took {statistics.median(steal):.1%} of the machine's time in the "
            f"median run, {max(steal):.1%} in the worst: it causes the highest percentiles."
        )
    return lines


def machine(comparison):
    """Processors, memory, kernel, date."""
    where = comparison.environment or {}
    memory = where.get("memory")
    return ", ".join(
        (
            f"{where.get('cpus', '?')} x {where.get('cpu', '?')}",
            f"{memory / 2**30:.1f} GiB" if memory else "-",
            where.get("kernel", "-"),
            (where.get("time") or "-")[:10],
        )
    )


def rounds_text(comparison):
    return f"{comparison.rounds} round{'s' if comparison.rounds != 1 else ''}"


def pinning(comparison):
    if comparison.cpus:
        server, client = comparison.cpus
        return f"Pinned: the server, with all its workers, to CPU {server}, the client to {client}."
    return (
        "Not pinned: the client and all workers of a server share the machine. A model that keeps "
        "a core busy takes it from the client; one with several workers can use what the client "
        "leaves."
    )


def softirq_readable(runs):
    return all(run.figures.get("softirq_ns") is not None for run in runs)
