"""The document of a fleet, made up: what scripts/fleet --json writes, as far as the report page reads it."""

import itertools

#: The clocks of the hosts, and when traffic begins on the reference clock.
AHEAD, BEGUN = 1000 * 10**9, 5 * 10**12
WHY = "its launcher was ended by signal 9; last seen after 2 s: echo, 100 connected, 3,085 verified"


def machine(kernel):
    return {
        "time": "2026-12-01T12:09:06Z", "kernel": kernel, "machine": "x86_64", "cpu": "A processor", "cpus": 2,
        "memory": 2**34, "page_size": 4096, "compiler": "12.2.0", "boost": "1_81", "assertions": False,
    }  # fmt: skip


def histogram(count):
    return {
        "count": count, "censored": 0, "min": 50_000, "max": 60_000, "mean": 50_000, "sum": count * 50_000,
        "lowest_censored": None, "overflow": 0, "percentiles": {"50": 50_000, "99": 60_000}, "at_least": [],
        "bins": [[49_920, count]],
    }  # fmt: skip


def row(rank):
    """Rank 0 begins first, each other one 1.5 us after the one before. p99 is 1 ms and `rank` us."""
    clock = {"offset_ns": AHEAD * rank, "bound_ns": 20_000, "at_ns": BEGUN + AHEAD * rank}
    return {
        "rank": rank, "host": f"h{rank}", "file": f"rank-{rank}.json", "status": "pass", "exit_code": 0,
        "requested": 100, "established": 100, "served": 100, "failed": 0, "echoes": 8000, "p50_ns": 61_824,
        "p99_ns": 1_000_000 + 1000 * rank, "lateness_p99_ns": 887_000, "client_ns_per_echo": 31_929,
        "client_busiest_thread": 0.0602, "resident": 4_685_824, "clock_before": clock,
        "clock_after": clock | {"offset_ns": clock["offset_ns"] + 3000}, "start_late_ns": 298_000,
        "traffic_late_ns": 378_000,
        "traffic_begun": {"reference_ns": BEGUN + 1500 * rank, "bound_ns": 16_000},
    }  # fmt: skip


def origin(rank):
    argv = ["client", "--frames", "--share", f"{rank}/9", "-n", "900", "h9:1"]
    return {"file": f"rank-{rank}.json", "argv": argv, "environment": machine(f"Linux of h{rank}")}


def document(ranks=3, missing=(1,), server=True):
    """`missing`: those of the ranks that did not come; `server`: whether it was watched."""
    here = [rank for rank in range(ranks) if rank not in missing]
    gone = [{"rank": rank, "host": f"h{rank}", "why": WHY} for rank in missing]
    warnings = [
        f"rank {one['rank']} ({one['host']}) is missing: {WHY}: its connections are in no figure" for one in gone
    ]
    warnings += itertools.chain.from_iterable(
        (f"rank {rank} (h{rank}): 95 % of a thread: the client is the bottleneck",
         f"rank {rank} (h{rank}): the hypervisor took {rank} % of the time (steal)")
        for rank in here
    )  # fmt: skip
    count = 100 * len(here)
    whole = {"requested": count, "established": count, "served": count, "max_concurrent": count, "failed": {}}
    watched = {
        "pid": 4711, "samples": 45, "cpu_ns": 267_458_949, "cpu_ns_per_echo": 16_716,
        "resident_before": 4_071_424, "resident": 4_575_232, "resident_per_connection": 2519,
    }  # fmt: skip
    return {
        "schema": "echo-testbed/1", "program": "client", "status": "fail" if gone else "pass",
        "exit_code": 1 if gone else 0, "argv": ["client", "merge", "/tmp/gone/rank-0.json"], "options": {},
        "mode": "stream", "connections": whole, "throughput": {"echoes_per_s": 4000.0}, "memory": None,
        "cpu": None, "latency": {"loop": "open", "echo": histogram(80 * count)}, "kernel": None, "checks": None,
        "environment": machine("Linux of the parent"), "merged_from": [origin(rank) for rank in here],
        "warnings": warnings, "ranks": [row(rank) for rank in here], "missing": gone,
    } | ({"server": watched} if server else {})  # fmt: skip
