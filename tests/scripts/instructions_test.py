#!/usr/bin/python3
"""bench/instructions: its arithmetic, its exit codes and its rounds.

The first `valgrind` on the PATH only starts the program, and the programs write callgrind's file
themselves: a constant, and a given number of instructions per echo. One test runs the real
valgrind, where it is installed.
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
BIN = pathlib.Path(os.environ.get("TESTBED_BIN_DIR", SOURCE / "build" / "bin"))
SCRIPT = SOURCE / "bench" / "instructions"
TIMEOUT = 60

loader = importlib.machinery.SourceFileLoader("instructions", str(SCRIPT))
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_loader("instructions", loader)
instructions = importlib.util.module_from_spec(spec)
loader.exec_module(instructions)

VALGRIND = """#!/usr/bin/python3 -IS
import os, sys
if "--version" in sys.argv:
    sys.exit(print("valgrind-0"))
program = next(at for at, word in enumerate(sys.argv) if at > 0 and not word.startswith("-"))
(out,) = (word.partition("=")[2] for word in sys.argv if word.startswith("--callgrind-out-file="))
os.environ["COUNTS"] = out.replace("%p", str(os.getpid()))
os.execv(sys.argv[program], sys.argv[program:])
"""

#: Both begin with this. Files beside the program set what it does: per_echo, exit, wrong, ...
PROGRAM = """#!/usr/bin/python3 -IS
import json, os, pathlib, select, signal, socket, sys, time
words = sys.argv[1:]
folder = pathlib.Path(__file__).parent
def after(name):
    return words[words.index(name) + 1]
def end(echoes):
    own = folder / f"per_echo_{after('--model')}" if "--model" in words else None
    cost = own if own and own.exists() else folder / "per_echo"
    total = 1_000_000 + echoes * int(cost.read_text())
    text = f"events: Ir\\nfn=(1) main\\n\\ntotals: {total}\\n"
    pathlib.Path(os.environ["COUNTS"]).write_text(text)
    if (folder / "twice").exists():
        pathlib.Path(os.environ["COUNTS"] + "1").write_text("events: Ir\\ntotals: 1\\n")
    sys.exit(int((folder / "exit").read_text()) if (folder / "exit").exists() else 0)
"""

CLIENT = (
    PROGRAM
    + """
n, rounds, port = int(after("-n")), int(after("-m")), int(words[0].rpartition(":")[2])
all = [socket.create_connection(("127.0.0.1", port)) for _ in range(n)]
(folder / "pid").write_text(str(os.getpid()))
if (folder / "hang").exists():
    time.sleep(60)
if (folder / "few").exists():
    all.pop().close()
for number in range(rounds):
    for at, one in enumerate(all):
        one.sendall(bytes([at, number % 256] * 32))
    for at, one in enumerate(all):
        assert one.recv(64) == bytes([at, number % 256] * 32)
end(n * rounds)
"""
)

SERVER = (
    PROGRAM
    + """
if "--describe" in words:
    models = [{"name": name} for name in "callbacks other".split()]
    sys.exit(print(json.dumps({"schema": "echo-testbed-describe/1", "models": models})))
listener = socket.create_server(("127.0.0.1", 0))
stop, wake = os.pipe()
signal.signal(signal.SIGTERM, lambda *_: os.write(wake, b"x"))
os.write(int(after("--ready-fd")), f"{listener.getsockname()[1]}\\n".encode())
echoes, batches, open_ones = 0, set(), {}
epoll = select.epoll()
epoll.register(stop)
epoll.register(listener, select.EPOLLIN)
while True:
    events = epoll.poll()
    got = 0
    for fd, _ in events:
        if fd == stop:
            (folder / "batches").write_text(",".join(map(str, sorted(batches))))
            end(echoes)
        if fd == listener.fileno():
            one = listener.accept()[0]
            open_ones[one.fileno()] = one
            epoll.register(one, select.EPOLLIN)
        elif data := open_ones[fd].recv(1024):
            if (folder / "wrong").exists():
                data = data[::-1]
            open_ones[fd].sendall(data)
            got += 1
        else:
            open_ones.pop(fd).close()
    echoes += got
    batches |= {got} - {0}
"""
)

#: The models of echo_async.
LISTED = "callbacks other"
#: A build from before --describe refuses that option.
TOO_OLD = SERVER.replace('if "--describe" in words:', 'if "--describe" in words: sys.exit(2)\nif 0:')


class Arithmetic(unittest.TestCase):
    def test_the_figure_is_a_slope(self):
        self.assertEqual(instructions.per_echo(1_000_300, 1_100_300, 1000), 100)

    def test_the_long_run_has_the_echoes_that_were_wanted_and_ten_rounds_at_least(self):
        self.assertEqual(instructions.more_rounds(1000, 100), 10)
        self.assertEqual(instructions.more_rounds(1001, 100), 11)
        self.assertEqual(instructions.more_rounds(100, 10_000), 10)

    def test_reads_what_callgrind_writes(self):
        text = "version: 1\nevents: Ir\nsummary: 1234\n\nfn=(1) totals\n0 12\n\ntotals: 1234\n"
        self.assertEqual(instructions.instructions_in(text), 1234)
        for text in ("", "events: Ir\n", "events: Ir Dr\ntotals: 5 6\n", "totals: 5\n"):
            with self.assertRaises(instructions.RunFailed):
                instructions.instructions_in(text)

    def test_a_figure_is_the_median_with_its_extremes(self):
        figure = instructions.Figure.of([3.0, 1.0, 2.5])
        self.assertEqual((figure.median, figure.min, figure.max), (2.5, 1.0, 3.0))

    def test_a_difference_counts_in_either_direction(self):
        self.assertEqual(instructions.verdict(1.01 - 1e-9, 1), "within")
        self.assertEqual(instructions.verdict(0.991, 1), "within")
        self.assertEqual(instructions.verdict(1.011, 1), "more")
        self.assertEqual(instructions.verdict(0.989, 1), "fewer")
        self.assertEqual(instructions.verdict(1.0001, 0), "more")
        self.assertEqual(instructions.verdict(1.0, 0), "within")

    def test_a_row_has_the_ratio_of_medians_and_none_before_both_are_measured(self):
        row = instructions.Row("client", 4, [None, None], 40)
        self.assertIsNone(row.result(1))
        row.repeats = [[110.0, 90.0, 100.0], []]
        self.assertIsNone(row.result(1))
        row.repeats[1] = [80.0, 70.0, 800.0]
        result = row.result(1)
        self.assertEqual((result["ratio"], result["verdict"]), (1.25, "more"))
        self.assertEqual(result["echoes"], 40)

    def test_per_cent(self):
        for text, value in (("1%", 1), ("0.5", 0.5), ("2 %", 2), ("0", 0)):
            self.assertEqual(instructions.per_cent(text), value)
        for text in ("-1%", "x", "", "nan", "inf"):
            with self.assertRaises(ValueError, msg=text):
                instructions.per_cent(text)


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.path = f"{self.folder / 'path'}:{os.environ['PATH']}"
        self.program("path/valgrind", VALGRIND)

    def program(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def build(self, name, per_echo, **files):
        self.program(f"{name}/client", CLIENT)
        self.program(f"{name}/echo_async", SERVER)
        self.program(f"{name}/echo_threads", SERVER.replace(LISTED, "threads"))
        files["per_echo"] = per_echo
        for file, text in files.items():
            (self.folder / name / file).write_text(str(text))
        return self.folder / name

    def run_script(self, *words, path=None):
        """In this process, which saves a start of the interpreter for each."""
        out, err = io.StringIO(), io.StringIO()
        words = ("-n", "5", "--echoes", "50", "--repeats", "1", *map(str, words))
        with (
            unittest.mock.patch.dict(os.environ, PATH=path or self.path),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                code = instructions.main(words)
            except SystemExit as ended:
                code = ended.code
        return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


class Commands(Folder):
    def test_counts_a_client_and_a_server_in_equal_batches(self):
        build = self.build("this", 700)
        send = socket.socket.send

        def send_slowly(*words):
            time.sleep(0.01)  # a server that is not stopped would serve each message by itself
            return send(*words)

        self.enterContext(unittest.mock.patch.object(socket.socket, "send", send_slowly))
        done = self.run_script("--bin", build, "--models", "client,callbacks", "--json", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        document = json.loads(done.stdout)
        self.assertEqual(document["exit_code"], 0)
        self.assertEqual([row["name"] for row in document["rows"]], ["client", "callbacks"])
        for row in document["rows"]:
            self.assertEqual(row["instructions_per_echo"]["median"], 700, row)
            self.assertEqual((row["against"], row["ratio"], row["verdict"]), (None, None, None))
        # The server is stopped while the partner sends: each batch has all five.
        self.assertEqual((build / "batches").read_text(), "5")

    def test_runs_the_model_that_is_named_and_not_the_default(self):
        build = self.build("this", 1, per_echo_callbacks=700, per_echo_other=900)
        done = self.run_script("--bin", build, "--models", "callbacks,other", "--json", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        figures = {
            row["name"]: row["instructions_per_echo"]["median"]
            for row in json.loads(done.stdout)["rows"]
        }
        self.assertEqual(figures, {"callbacks": 700, "other": 900})

    def test_compares_two_builds(self):
        this, other = self.build("this", 1030), self.build("other", 1000)
        words = ("--bin", this, "--against", other, "--models", "callbacks")
        report = self.folder / "report.json"
        done = self.run_script(*words, "--json", report)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stdout, r"callbacks +5 .* 1\.0300  NO, 3\.00% more\n")
        document = json.loads(report.read_text())
        self.assertEqual((document["exit_code"], document["rows"][0]["verdict"]), (1, "more"))
        done = self.run_script(*words, "--within", "3.1%")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"callbacks +5 .* 1\.0300  yes\n")

    def test_compares_with_a_build_that_is_too_old_to_describe_its_models(self):
        this, old = self.build("this", 1000), self.build("old", 1000)
        for server in ("echo_async", "echo_threads"):
            self.program(f"old/{server}", TOO_OLD)
        done = self.run_script("--bin", this, "--against", old, "--models", "callbacks")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"callbacks +5 .* 1\.0000  yes\n")
        done = self.run_script("--bin", old, "--models", "echo_async:callbacks")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_script("--bin", old, "--models", "callbacks")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (3, 1), done.stderr)
        self.assertIn("is too old to describe its models and options", done.stderr)

    def test_names_what_is_missing(self):
        build = self.build("this", 1)
        (self.folder / "empty").mkdir()
        done = self.run_script("--bin", build, path=str(self.folder / "empty"))
        self.assertEqual(done.returncode, 3)
        self.assertEqual(
            done.stderr, "bench/instructions: valgrind is missing: apt-get install valgrind\n"
        )
        done = self.run_script("--bin", self.folder / "empty")
        self.assertEqual(done.returncode, 3)
        self.assertIn("client is missing", done.stderr)
        done = self.run_script("--bin", build, "-n", str(10**9), "--models", "client")
        self.assertEqual(done.returncode, 3)
        self.assertIn("ulimit -n", done.stderr)
        older = self.build("older", 1)
        self.program("older/echo_async", SERVER.replace(LISTED, "callbacks older"))
        done = self.run_script("--bin", build, "--against", older, "--models", "other")
        self.assertEqual(done.returncode, 3)
        self.assertIn("older has no model 'other'", done.stderr)

    def test_refuses_what_it_cannot_read(self):
        build = self.build("this", 1)
        for words in (
            ("--models", "nosuch"),
            ("--models", "client,,callbacks"),
            ("--within", "much"),
            ("--repeats", "0"),
            ("-n", "0"),
            ("--json", "/no/such/folder/x"),
            ("--nosuch",),
        ):
            done = self.run_script("--bin", build, *words)
            self.assertEqual(done.returncode, 2, words)
            self.assertEqual(done.stdout, "", words)

    def test_a_failed_run_gives_no_figure(self):
        for models, files, why in (
            ("client", {"exit": 4}, "client ended with 4"),
            ("client", {"few": ""}, "client closed early"),
            ("callbacks", {"exit": 1}, "callbacks ended with 1"),
            ("callbacks", {"wrong": ""}, "callbacks returned other bytes"),
            ("callbacks", {"twice": ""}, "callbacks ran as 2 processes"),
        ):
            with self.subTest(why):
                build = self.build(why.replace(" ", ""), 1, **files)
                done = self.run_script("--bin", build, "--models", models)
                self.assertEqual((done.returncode, done.stdout), (3, ""), done.stderr)
                self.assertIn(why, done.stderr)

    def test_a_program_that_never_sleeps_is_given_up(self):
        build = self.build("this", 1)
        self.program(
            "this/echo_async",
            SERVER.replace("epoll.poll()", "epoll.poll(0 if open_ones else None)"),
        )
        self.enterContext(unittest.mock.patch.object(instructions, "STALL_TIMEOUT", 1))
        done = self.run_script("--bin", build, "--models", "callbacks")
        self.assertEqual(done.returncode, 3)
        self.assertIn("callbacks does not sleep while nothing arrives", done.stderr)

    def test_a_signal_ends_the_program_too(self):
        build = self.build("this", 1, hang="")
        running = subprocess.Popen(
            [sys.executable, SCRIPT, "--bin", build, "--models", "client", "-n", "2"],
            env={**os.environ, "PATH": self.path},
        )
        try:
            give_up = time.monotonic() + TIMEOUT
            while not (build / "pid").exists() or not (build / "pid").read_text():
                self.assertLess(time.monotonic(), give_up)
                time.sleep(0.01)
            running.terminate()
            self.assertEqual(running.wait(TIMEOUT), 128 + signal.SIGTERM)
        finally:
            if running.poll() is None:
                running.kill()
                running.wait()
        with self.assertRaises(ProcessLookupError):
            os.kill(int((build / "pid").read_text()), 0)


@unittest.skipUnless(shutil.which("valgrind"), "valgrind is not installed (scripts/setup bench)")
class Valgrind(unittest.TestCase):
    def test_counts_a_server(self):
        done = subprocess.run(
            [SCRIPT, "--bin", BIN, "--models", "nested-epoll", "-n", "10", "--echoes", "2000"]
            + ["--repeats", "1", "--json", "-"],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        (row,) = json.loads(done.stdout)["rows"]
        self.assertGreater(row["instructions_per_echo"]["median"], 50)
        self.assertLess(row["instructions_per_echo"]["median"], 5000)


if __name__ == "__main__":
    unittest.main()
