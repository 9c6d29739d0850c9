#!/usr/bin/python3
"""scripts/bench from command line to exit code, with runs too short for meaningful figures."""

import json
import pathlib
import shutil
import socket
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


def floors_answer_http():
    """One answer per request, however many arrive at once, and none before the empty line."""
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    for name in ("floor_server", "floor_threads"):
        for wrong in ("--help", "65536", "-1", ""):
            refused = subprocess.run([BIN / name, wrong], capture_output=True, text=True, timeout=10, check=False)
            expect(refused.returncode == 2 and "usage: " in refused.stderr,
                   f"{name} '{wrong}' is refused: {refused}")
        floor = subprocess.Popen([BIN / name, "0", "--http"], stdout=subprocess.PIPE, text=True)
        try:
            port = int(floor.stdout.readline())
            with socket.create_connection(("127.0.0.1", port), 10) as one:
                for count in (1, 2, 70):
                    one.sendall(request * count + request[:5])
                    if count == 70:
                        one.shutdown(socket.SHUT_WR)
                    got = b""
                    while got.count(b"\r\n\r\nok") < count and (part := one.recv(65536)):
                        got += part
                    expect(got == b"".join([answer_in(got)] * count), f"{name}: {count} in {got}")
                expect(one.recv(1) == b"", f"{name}: no answer to the beginning of a request")
        finally:
            floor.terminate()
            floor.wait(10)
            floor.stdout.close()


def answer_in(text):
    end = text.index(b"\r\n\r\nok") + 6
    expect(text.startswith(b"HTTP/1.1 200 OK\r\n"), f"an answer: {text[:end]}")
    expect(b"Content-Length: 2\r\n" in text[:end], f"its length: {text[:end]}")
    return text[:end]


def requests_of_the_client():
    server = ("server", *SHORT, "--protocol", "http", "--load", "client", "--pairs", "1")
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "bench.json"
        words = ("-n", "10", "--json", report, "--model", "echo_threads", "--floor", "threads")
        output = expect_code(0, *server, *words)
        rows = json.loads(report.read_text())["rows"]
    expect("GET / by client" in output, f"the load is named:\n{output}")
    for figures in rows[0]["pairs"][0].values():
        expect(min(figures["client_ns"], figures["server_ns"]) > 0, f"CPU of both: {figures}")


def requests_of_wrk():
    server = ("server", "--bin", BIN, "--protocol", "http", "--seconds", "1", "--pairs", "1")
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "bench.json"
        more = ("--no-counts", "-n", "10", "--json", report)
        models = ("--model", "floor_threads", "--model", "echo_async:nested-epoll")
        output = expect_code(0, *server, *more, *models)
        rows = json.loads(report.read_text())["rows"]
    expect("GET / by wrk" in output and "requests/s" in output, f"the load is named:\n{output}")
    expect(len(rows) == 2, f"one row per model: {rows}")
    for figures in (side for row in rows for side in row["pairs"][0].values()):
        expect(min(figures["client_ns"], figures["server_ns"]) > 0, f"CPU of both: {figures}")
        expect(figures["all_echoes"] > 10, f"more than one request on each: {figures}")
    output = expect_code(3, *server, "-n", "3", "--model", "echo_threads:iterative")
    expect("not every connection is served" in output, f"the reason for missing figures:\n{output}")


def main():
    floors_answer_http()
    requests_of_the_client()
    if shutil.which("wrk"):
        requests_of_wrk()
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
