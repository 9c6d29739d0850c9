#!/usr/bin/python3
"""scripts/bench: what it reads from the output of programs, and its results from pairs."""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import types
import unittest
from unittest import mock

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
sys.path.insert(0, str(SOURCE / "scripts"))
import bench_calls  # noqa: E402
import bench_runs  # noqa: E402
import bench_table  # noqa: E402
import bench_wrk  # noqa: E402

# A ramp; then two calls per echo and a wait every fifty echoes; then the end.
PERF = """# started on Sat Nov 21 14:51:28 2026

     0.100100000,900,,raw_syscalls:sys_enter,100000000,100.00,,
     0.100100000,300,,syscalls:sys_enter_epoll_wait,100000000,100.00,,
     0.100100000,0,,syscalls:sys_enter_epoll_pwait2,100000000,100.00,,
     0.200200000,1010,,raw_syscalls:sys_enter,100000000,100.00,,
     0.200200000,9,,syscalls:sys_enter_epoll_wait,100000000,100.00,,
     0.200200000,1,,syscalls:sys_enter_epoll_pwait2,100000000,100.00,,
     0.300300000,1010,,raw_syscalls:sys_enter,100000000,100.00,,
     0.300300000,10,,syscalls:sys_enter_epoll_wait,100000000,100.00,,
     0.300300000,<not counted>,,syscalls:sys_enter_epoll_pwait2,0,100.00,,
     0.350300000,70,,raw_syscalls:sys_enter,50000000,100.00,,
     0.350300000,60,,syscalls:sys_enter_epoll_wait,50000000,100.00,,
"""
STRACE = """% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.10    0.100000          10     30100           sendto
 39.00    0.065000          10     30100       200 recvfrom
  0.90    0.000100           3       602           epoll_pwait
------ ----------- ----------- --------- --------- ----------------
100.00    0.165100           2     60802       200 total
"""


class Counted(unittest.TestCase):
    def test_reads_what_perf_prints(self):
        self.assertEqual(bench_calls.read_perf(PERF), bench_calls.Calls(2990, 20 / 2020))
        self.assertEqual(bench_calls.read_perf(""), bench_calls.Calls(0, 0))

    def test_reads_what_strace_prints(self):
        self.assertEqual(bench_calls.read_strace(STRACE), bench_calls.Calls(60802, 602 / 60802))
        self.assertEqual(bench_calls.read_strace(""), bench_calls.Calls(0, 0))

    def test_calls_per_echo_exclude_start_and_end(self):
        calls = bench_calls.Calls
        counted = [(calls(1200, 0.5), 100), (calls(3220, 20 / 2020), 1100)]
        calls_per_echo, echoes_per_wait = bench_calls.per_echo(counted)
        self.assertAlmostEqual(calls_per_echo, 2.02)
        self.assertAlmostEqual(echoes_per_wait, 50)

    def test_without_echoes_nothing_is_known(self):
        calls = bench_calls.Calls(10, 0)
        self.assertEqual(bench_calls.per_echo([(calls, 5), (calls, 5)]), (None, None))

    def test_a_server_of_threads_has_no_waits(self):
        calls = bench_calls.Calls
        self.assertEqual(bench_calls.per_echo([(calls(10, 0), 5), (calls(30, 0), 15)]), (2, None))


class Documents(unittest.TestCase):
    def test_figures_of_the_floor_client_are_per_echo(self):
        document = {"connections": 10, "window_ns": 500_000_000, "echoes": 1000, "all_echoes": 1300}
        document |= {"client_cpu_ns": 5_000_000, "server_cpu_ns": 4_000_000}
        document |= {"softirq_cpu_ns": None, "epoll_waits": 50}
        self.assertEqual(
            bench_runs.FloorClient.figures(document),
            bench_runs.Figures(5000, 4000, None, 1300, 2000, 20),
        )

    def test_figures_of_the_client_are_those_of_the_measured_window(self):
        document = {
            "phases": {"measured": {"ns": 500_000_000, "echoes_within": 1000}},
            "cpu": {
                "client_ns_per_echo": 5000,
                "server_ns_per_echo": 4000.5,
                "softirq_ns_per_echo": 10,
            },
            "echoes": {"verified": 1300},
            "kernel": {"epoll_waits": 50},
        }
        self.assertEqual(
            bench_runs.TestbedClient.figures(document),
            bench_runs.Figures(5000, 4000.5, 10, 1300, 2000, 20),
        )

    def test_a_server_whose_cpu_could_not_be_read_gives_no_figures(self):
        document = {"phases": {"measured": {"ns": 1, "echoes_within": 1}}}
        document["cpu"] = {"client_ns_per_echo": 5000, "server_ns_per_echo": None}
        with self.assertRaises(TypeError):
            bench_runs.TestbedClient.figures(document)


def figures(client_ns, server_ns, softirq_ns=None):
    return bench_runs.Figures(client_ns, server_ns, softirq_ns, 1000, 2000.0, None)


class Results(unittest.TestCase):
    def result(self, subject, pairs, with_softirq=False):
        calls = {"floor": (2.0, 30.0), "test": (None, None)}
        row = types.SimpleNamespace(name="client", connections=10, pairs=pairs, calls=calls)
        options = types.SimpleNamespace(subject=subject, confidence=0.95, goal=1.05)
        return bench_table.result_of(row, options, with_softirq)

    def test_the_verdict_is_for_the_side_under_test_and_both_are_reported(self):
        pairs = [{"floor": figures(5000, 5000), "test": figures(6000, 5000)}] * 30
        client = self.result("client", pairs)
        self.assertAlmostEqual(client.ratio.estimate, 1.2)
        self.assertAlmostEqual(client.together.estimate, 1.1)
        self.assertEqual(client.verdict, "missed")
        server = self.result("server", pairs)
        self.assertAlmostEqual(server.ratio.estimate, 1)
        self.assertEqual(server.verdict, "holds")

    def test_softirq_threads_count_if_all_runs_could_read_them(self):
        pairs = [{"floor": figures(5000, 5000, 0), "test": figures(5000, 5000, 1000)}] * 6
        row = types.SimpleNamespace(pairs=pairs)
        self.assertTrue(bench_table.softirq_readable([row]))
        self.assertAlmostEqual(self.result("client", pairs, True).together.estimate, 1.1)
        row.pairs = pairs + [{"floor": figures(1, 1, 0), "test": figures(1, 1, None)}]
        self.assertFalse(bench_table.softirq_readable([row]))

    def test_shows_a_dash_for_what_was_not_counted(self):
        pairs = [{"floor": figures(5000, 5000), "test": figures(6000, 5000)}]
        medians = self.result("server", pairs).medians
        self.assertEqual(medians["floor"]["calls_per_echo"], 2.0)
        self.assertEqual(medians["floor"]["echoes_per_wait"], 30.0)
        self.assertEqual(bench_table.number(medians["test"]["calls_per_echo"], 2), "-")


# What wrk prints, and then the line of our script.
WRK = """Running 1s test @ http://127.0.0.1:38581/
  1 threads and 400 connections
Requests/sec:  40472.00

{"requests": 1000, "us": 500000, "connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0}
"""


class AnswersSome:
    """A server that sends `answer` on its first `most` connections, and nothing on the others."""

    name = "answers_some"

    def __init__(self, most, answer):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.most, self.answer, self.accepted = most, answer, []
        self.thread = threading.Thread(target=self.serve)

    def serve(self):
        with self.listener:
            while True:
                one, _ = self.listener.accept()
                self.accepted.append(one)
                if not one.recv(4096):
                    return
                if len(self.accepted) <= self.most:
                    one.sendall(self.answer)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        socket.create_connection(("127.0.0.1", self.port)).close()  # ends serve()
        self.thread.join()
        for one in self.accepted:
            one.close()


class Wrk(unittest.TestCase):
    def test_figures_are_per_request(self):
        self.assertEqual(
            bench_wrk.figures_of(WRK, 5_000_000, 4_000_000, None),
            bench_runs.Figures(5000, 4000, None, 1000, 2000, None),
        )

    def test_a_run_with_errors_or_without_requests_gives_no_figures(self):
        for old, new, words in (
            ('"status": 0', '"status": 3', "errors: status 3"),
            ('"read": 0', '"read": 1', "errors: read 1"),
            ('"requests": 1000', '"requests": 0', "no requests"),
        ):
            with self.assertRaisesRegex(ValueError, words):
                bench_wrk.figures_of(WRK.replace(old, new), 1, 1, 1)
        with self.assertRaisesRegex(ValueError, "CPU cannot be read"):
            bench_wrk.figures_of(WRK, 1, None, 1)

    def test_a_server_that_does_not_serve_all_connections_is_no_partner(self):
        good, bad = b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 404 Not Found\r\n\r\n"
        with AnswersSome(3, good) as server:
            bench_wrk.answer_each(server, 3)
        with mock.patch.object(bench_wrk, "ANSWER_TIMEOUT", 0.3), AnswersSome(2, good) as server:
            with self.assertRaisesRegex(bench_runs.RunFailed, "not every connection is served"):
                bench_wrk.answer_each(server, 3)
        with AnswersSome(3, bad) as server:
            refused = "no answer with status 200: b'HTTP/1.1 404"
            with self.assertRaisesRegex(bench_runs.RunFailed, refused):
                bench_wrk.answer_each(server, 3)

    def test_cpu_of_a_process_is_that_of_its_own_clock(self):
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as other:
            self.assertLess(bench_wrk.cpu_ns([other.pid]), bench_wrk.cpu_ns([os.getpid()]))
            other.stdin.close()
        self.assertIsNone(bench_wrk.cpu_ns([other.pid]))
        self.assertIsNone(bench_wrk.cpu_ns([]))


class Missing(unittest.TestCase):
    def test_wrk_is_named_with_the_command_that_installs_it(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("floor_server", "floor_client", "echo_async"):
                path = pathlib.Path(folder, name)
                path.write_text("#!/bin/sh\n")
                path.chmod(0o755)
            words = ("server", "--protocol", "http", "--model", "echo_async", "--bin", folder)
            done = subprocess.run(
                [sys.executable, SOURCE / "scripts" / "bench", *words],
                env={"PATH": folder}, capture_output=True, text=True, timeout=60,
            )  # fmt: skip
        wanted = (3, "scripts/bench: wrk is missing: apt-get install wrk\n")
        self.assertEqual((done.returncode, done.stderr), wanted)

    def test_what_wrk_cannot_do_is_refused(self):
        http = ("--protocol", "http")
        for more in (
            (*http, "--churn"),
            (*http, "--warm-up", "1"),
            (*http, "--seconds", "0.5"),
            ("--load", "wrk"),
        ):
            words = ("server", "--model", "echo_async", *more)
            done = subprocess.run(
                [SOURCE / "scripts" / "bench", *words], capture_output=True, text=True, timeout=60
            )
            self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)

    def test_programs_are_named_with_the_command_that_builds_them(self):
        for name, *words in (
            ("scripts/bench", "client"),
            ("scripts/bench", "server", "--model", "echo_async:callbacks"),
            ("bench/establish",),
            ("scripts/sweep", "--factor", "n=2,4"),
            ("scripts/compare-models",),
        ):
            with tempfile.TemporaryDirectory() as empty:
                done = subprocess.run(
                    [SOURCE / name, *words, "--bin", empty], capture_output=True, text=True,
                    timeout=60,
                )  # fmt: skip
            self.assertEqual((done.returncode, done.stderr.count("\n")), (3, 1), done.stderr)
            self.assertRegex(done.stderr, "(missing|not run): cmake -B build && cmake --build build")


class Pinned(unittest.TestCase):
    def place(self, *words):
        script = "import os; print(sorted(os.sched_getaffinity(0)), os.sched_getscheduler(0))"
        done = subprocess.run(
            [sys.executable, "-c", script],
            preexec_fn=bench_runs.pinned(*words), capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def test_a_program_runs_on_its_processor(self):
        last = max(os.sched_getaffinity(0))
        self.assertEqual(self.place(last), f"[{last}] {os.SCHED_OTHER}")
        self.assertEqual(self.place(last, True), f"[{last}] {os.SCHED_BATCH}")
        self.assertIsNone(bench_runs.pinned(None, True))


if __name__ == "__main__":
    unittest.main()
