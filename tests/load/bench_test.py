#!/usr/bin/python3
"""scripts/bench from command line to exit code, with runs too short for meaningful figures."""

import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import BIN, SOURCE, expect  # noqa: E402

SHORT = ("--bin", BIN, "--seconds", "0.05", "--warm-up", "0.01", "--no-counts")


def bench(*arguments):
    command = [SOURCE / "scripts" / "bench", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def expect_code(wanted, *arguments):
    code, output = bench(*arguments)
    said = " ".join(map(str, arguments))
    expect(code == wanted, f"bench {said} ends with {wanted}, not {code}:\n{output}")
    return output


def with_itself(*arguments):
    """Compares the floor client with itself."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "bench.json"
        ourselves = ("client", *SHORT, "--client", BIN / "floor_client", "--json", report)
        output = expect_code(1, *ourselves, "--pairs", "2", "-n", "3", "-n", "10", *arguments)
        words = "not decided: 2 pairs, a verdict needs 30"
        expect(words in output, f"two pairs give no verdict:\n{output}")
        rows = json.loads(report.read_text())["rows"]
    expect([row["connections"] for row in rows] == [3, 10], f"one row each: {rows}")
    for row in rows:
        expect(len(row["pairs"]) == 2 and row["verdict"] == words, f"two pairs: {row}")
        for figures in (side for pair in row["pairs"] for side in pair.values()):
            expect(min(figures["client_ns"], figures["server_ns"]) > 0, f"CPU of both: {figures}")


def main():
    with_itself()
    with_itself("--churn")
    server = ("server", *SHORT, "--pairs", "1", "-n", "10", "--model", "echo_async:callbacks")
    output = expect_code(0, *server, "--model", "floor_threads")
    expect("floor_threads" in output, f"one row per model:\n{output}")
    expect_code(0, *server, "--floor", "threads")
    one_at_once = ("server", *SHORT, "--pairs", "1", "-n", "2", "--model", "echo_threads:iterative")
    output = expect_code(3, *one_at_once)
    expect("not every connection is served" in output, f"the reason for missing figures:\n{output}")
    expect_code(2, *server, "--confidence", "1")
    expect_code(3, *server, "--model", "echo_async:no-such-model")
    expect_code(3, "client", *SHORT, "--client", "/nonexistent/client")


if __name__ == "__main__":
    main()
