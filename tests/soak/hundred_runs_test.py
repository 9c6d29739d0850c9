#!/usr/bin/python3
"""A hundred runs of 10,000 connections against each server. None may fail or stall.

    hundred_runs_test.py [RUNS]

The ancestor's client "sometimes stalls", and 10,000 simultaneous connects made its server's accept
queue overflow. So each run must exit with 0, print its three lines byte for byte, and drop no SYN
(ListenDrops 0), with both ends under `ulimit -n 10100`. At the end the server's counts must equal the
client's.
"""

import pathlib
import re
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import MODELS, Run, Server, expect, need_room_for  # noqa: E402

CONNECTIONS = 10_000
DESCRIPTORS = 10_100


def soak(program, runs):
    times, opened = [], 0
    with Server(program, descriptors=DESCRIPTORS) as server:
        for number in range(1, runs + 1):
            who = f"{program}, run {number} of {runs}"
            run = Run(server.port, CONNECTIONS, descriptors=DESCRIPTORS)
            run.expect_pass(CONNECTIONS, who)
            kernel = run.document["kernel"]
            slow = run.document["connections"]["slow"]
            expect(
                kernel["listen_drops"] == 0,
                f"{who}: no SYN is dropped (established in {run.established_in:.3f} s, "
                f"{slow} connects took 0.5 s or longer): {kernel}",
            )
            opened += run.document["connections"]["total"]
            times.append(run.established_in)
        code, text = server.stop()
    expect(code == 0, f"{program} ends with 0, not {code}")
    block = re.match(r"EXITING\nresident \d+K\nMax conc: (\d+)\nTotal: (\d+)\nNow: (\d+)\n", text)
    expect(block, f"{program}: the exit block, not {text!r}")
    highest, total, now = map(int, block.groups())
    expect(total == opened, f"{program}: Total is what the client opened, {opened}, not {total}")
    expect(now == 0, f"{program}: Now is 0, not {now}")
    expect(highest >= CONNECTIONS, f"{program}: Max conc is {CONNECTIONS} or more, not {highest}")

    later = min(20, runs)
    print(
        f"{program}: {runs} of {runs} runs passed; {CONNECTIONS:,} established in "
        f"{times[0]:.3f} s (run 1), {times[later - 1]:.3f} s (run {later}); "
        f"median {statistics.median(times):.3f} s, slowest {max(times):.3f} s; Total {total}, Now {now}",
        flush=True,
    )


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    need_room_for(CONNECTIONS, DESCRIPTORS)
    for program in MODELS:
        soak(program, runs)


if __name__ == "__main__":
    main()
