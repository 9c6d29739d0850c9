"""Tests of scripts/fleet: its parts, whole runs with clients that only speak the protocol, and one with
two real ones."""

import concurrent.futures
import contextlib
import io
import json
import os
import pathlib
import random
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
BIN = pathlib.Path(os.environ.get("TESTBED_BIN_DIR", SOURCE / "build" / "bin"))
sys.path.insert(0, str(SOURCE / "scripts"))
import bench_runs  # noqa: E402
from experiment import command  # noqa: E402
from fleets import clock, fleet, frames, launcher, mpi, pipe, progress, rank, results, script, server  # noqa: E402

PATIENCE = 50
HOSTILE = ("a b", "it's", '"x"', "$HOME", ";exit 9;", "*", "", "\\", "`id`", "\n")


def lines_of(number, kind, value, part=900):
    text = json.dumps(value).encode()
    parts = [text[at : at + part] for at in range(0, len(text), part)]
    return [frames.line_of(number, kind, at, len(parts), one) for at, one in enumerate(parts, 1)]


class Frames(unittest.TestCase):
    def test_a_line_is_that_of_the_client(self):
        """Frames.* in tests/client/frames_test.cpp has the same one."""
        line = b'@echo-testbed 3 ready 1/1 f5538ef7 {"a":1}\n'
        self.assertEqual(frames.line_of(3, "ready", 1, 1, b'{"a":1}'), line)
        self.assertEqual(frames.Reader(rank=3).feed(line)[0], [frames.Frame(3, "ready", {"a": 1})])

    def test_pieces_of_any_size_give_the_same_frames(self):
        data = b"".join([b"motd\r\n", *lines_of(0, "hello", {"a": 1}), *lines_of(0, "document", {"b": "\u00e4" * 3000})])
        for size in (1, 7, 1000, len(data)):
            reader, found, other = frames.Reader(rank=0), [], []
            for at in range(0, len(data), size):
                more, lines = reader.feed(data[at : at + size])
                found, other = found + more, other + lines
            self.assertEqual([one.kind for one in found], ["hello", "document"])
            self.assertEqual((found[1].value["b"], other), ("\u00e4" * 3000, [b"motd"]))

    def test_ranks_may_alternate_and_a_line_may_begin_within_another(self):
        one, two = (lines_of(number, "document", {"of": number, "x": "y" * 2000}) for number in (0, 1))
        mixed = [line for pair in zip(one, two) for line in pair]
        reader = frames.Reader()
        found, other = reader.feed(b"warning: " + b"".join(mixed))
        self.assertEqual([frame.value["of"] for frame in found], [0, 1])
        self.assertEqual((other, reader.dropped), ([b"warning: "], 0))
        found, other = reader.feed(one[0][:50] + lines_of(1, "ready", {})[0])
        self.assertEqual(([frame.kind for frame in found], other), (["ready"], []))

    def test_a_torn_line_takes_its_frame_and_no_other(self):
        document, ready = lines_of(0, "document", {"x": "y" * 4000}), lines_of(0, "ready", {})
        random.seed(1)
        for _ in range(200):
            lines = [*document, *ready]
            torn = random.randrange(len(document))
            at, width = random.randrange(len(lines[torn]) - 1), random.randrange(1, 9)
            lines[torn] = lines[torn][:at] + lines[torn][at + width :].removesuffix(b"\n") + b"\n"
            reader = frames.Reader(rank=0)
            self.assertEqual([one.kind for one in reader.feed(b"".join(lines))[0]], ["ready"])

    def test_lines_that_mpirun_tore_are_put_together_again(self):
        """Each rank's bytes in order, in pieces of a line and more, those of three ranks mixed."""
        random.seed(2)
        for _ in range(10):
            streams = []
            for rank in range(3):
                document = {"rank": rank, "text": "".join(random.choices("abc @", k=4000))}
                streams.append(b"".join(lines_of(rank, "document", document)))
            reader, found = frames.Reader(ranks=3), []
            while any(streams):
                rank = random.choice([number for number in range(3) if streams[number]])
                size = random.choice((1000, 1024, 4096))
                found += reader.feed(streams[rank][:size])[0]
                streams[rank] = streams[rank][size:]
            self.assertEqual(sorted(one.rank for one in found), [0, 1, 2])
            self.assertEqual((reader.torn, reader.dropped), ([], 0))

    def test_what_no_client_sends_is_dropped(self):
        reader = frames.Reader(ranks=4, rank=None)
        for line in (
            frames.line_of(4, "ready", 1, 1, b"{}"), frames.line_of(0, "format", 1, 1, b"{}"),
            frames.line_of(0, "ready", 2, 1, b"{}"), frames.line_of(0, "ready", 0, 1, b"{}"),
            frames.line_of(0, "ready", 1, 1, b"{"), frames.line_of(0, "ready", 1, 1, b"NaN"),
            frames.line_of(0, "ready", 1, 1, b"[" * 100_000)[:4000] + b"\n",
            b"@echo-testbed\n", b"@echo-testbed 0 ready 1/1 zzzzzzzz {}\n", b"@echo-testbed " + b" " * 50 + b"\n",
        ):  # fmt: skip
            self.assertEqual(reader.feed(line)[0], [], line)
        self.assertEqual(frames.Reader(rank=1).feed(lines_of(0, "ready", {})[0])[0], [], "another's")

    def test_endless_text_takes_no_memory(self):
        reader = frames.Reader(rank=0)
        shown = [line for _ in range(100) for line in reader.feed(b"x" * 65536)[1]]
        self.assertEqual((len(shown), len(shown[0]), len(reader.buffer)), (1, frames.SHOWN, 0))
        self.assertEqual(reader.feed(b"x\n" + lines_of(0, "ready", {})[0])[0][0].kind, "ready")
        part = b"y" * 900
        for number in range(1, 40_000):
            reader.feed(frames.line_of(0, "document", number, 99_999, part))
        self.assertLessEqual(reader.held, frames.LARGEST)


class Clocks(unittest.TestCase):
    def measured(self, ahead, trips):
        """`trips`: (way there, way back) of each round trip in turn, nanoseconds."""
        asked, now = [], 10**9
        one = clock.Clock(asked.append)
        one.begin(now)
        for there, back in trips:
            if not one.busy:
                break
            now += there
            answer = now + ahead
            now += back
            one.answered(asked[-1], answer, now)
        return one, asked

    def test_the_shortest_round_trip_counts_and_its_half_is_the_bound(self):
        trips = [(50_000, 90_000)] * 100 + [(1000, 3001)] + [(50_000, 20_000)] * 200
        one, asked = self.measured(-7 * 10**12, trips)
        self.assertEqual((one.busy, len(asked)), (False, clock.TRIPS + clock.WARM_UP))
        self.assertEqual(one.offset.bound, 2001)
        self.assertLessEqual(abs(one.offset.ns + 7 * 10**12), one.offset.bound)

    def test_the_first_trips_do_not_count(self):
        one, _ = self.measured(0, [(1, 1)] * clock.WARM_UP + [(500, 500)] * clock.TRIPS)
        self.assertEqual(one.offset.bound, 500)

    def test_a_slow_way_ends_in_time_and_a_lost_answer_is_asked_again(self):
        one, asked = self.measured(0, [(30_000_000, 30_000_000)] * 300)
        self.assertFalse(one.busy)
        self.assertLess(len(asked), 40)
        one.begin(0)
        one.look(clock.PATIENCE + 1)
        self.assertEqual(len(asked), asked[-1])
        one.answered(asked[-2], 5, clock.PATIENCE + 2)
        one.look(clock.BUDGET * 2)
        self.assertEqual((one.busy, one.offset), (False, None))


class Launchers(unittest.TestCase):
    def test_a_remote_shell_gets_the_words_as_they_were(self):
        words = launcher.command(["/usr/bin/ssh", "-p1", "u@{host}"], "h1", ["client", *HOSTILE])
        self.assertEqual(words[:3], ["/usr/bin/ssh", "-p1", "u@h1"])
        self.assertEqual(shlex.split(words[3]), ["client", *HOSTILE])

    def test_other_launchers_get_the_words_themselves(self):
        words = launcher.command(["kubectl", "exec", "-i", "{host}", "--"], "pod", ["c", *HOSTILE])
        self.assertEqual(words, ["kubectl", "exec", "-i", "pod", "--", "c", *HOSTILE])

    def test_a_shell_for_each_ssh_gets_the_words_as_they_were(self):
        words = launcher.command(["sudo", "-u", "x", "ssh", "{host}"], "ssh", HOSTILE)
        self.assertEqual((words[:5], shlex.split(words[5])), (["sudo", "-u", "x", "ssh", "ssh"], [*HOSTILE]))
        words = launcher.command(["ssh", "gate", "ssh", "{host}"], "h1", HOSTILE)
        self.assertEqual(words[:4], ["ssh", "gate", "ssh", "h1"])
        self.assertEqual(shlex.split(*shlex.split(words[4])), [*HOSTILE])

    def test_mpirun_quotes_by_itself(self):
        for before in (["mpirun", "-launcher", "ssh", "-np", "4"], ["mpirun", "--mca", "plm_rsh_agent", "ssh"]):
            self.assertEqual(launcher.command_of_mpi(before, ["c", *HOSTILE]), [*before, "c", *HOSTILE])
        words = launcher.command_of_mpi(["ssh", "head", "mpirun"], HOSTILE)
        self.assertEqual((words[:3], shlex.split(words[3])), (["ssh", "head", "mpirun"], [*HOSTILE]))

    def test_no_host_is_an_option(self):
        self.assertEqual(launcher.hosts_of("h1,u@10.0.0.1,[::1]"), ["h1", "u@10.0.0.1", "[::1]"])
        for text in ("", "h1,", "-oProxyCommand=x", "a b", "a\x1b[m", "a;b"):
            with self.assertRaisesRegex(ValueError, "names of hosts"):
                launcher.hosts_of(text)
        for text in ("ssh", "", "ssh '{host}"):  # no host, nothing, half a word
            with self.assertRaisesRegex(ValueError, "must be a command"):
                launcher.words_of(text)


class Pipes(unittest.TestCase):
    def test_what_a_process_wrote_before_its_end_is_read(self):
        heard = []
        loop = pipe.Loop()
        self.addCleanup(loop.close)
        loop.add(pipe.Pipe(["echo", "last"], lambda data, _: heard.append(data), lambda _: None))
        loop.pipes[0].process.wait(PATIENCE)
        loop.end(0)
        self.assertEqual(heard[0], b"last\n")

    def test_many_do_not_cost_a_call_of_the_system_each_in_every_turn(self):
        loop = pipe.Loop()
        self.addCleanup(loop.close)
        one = unittest.mock.Mock(pending=b"", open=())
        one.open = unittest.mock.MagicMock(__bool__=lambda _: True, __iter__=lambda _: iter(()))
        one.process.poll.return_value = None
        loop.pipes = [one]
        for _ in range(100):
            loop.turn(0)
        self.assertLess(one.process.poll.call_count, 10)
        loop.pipes = []


class Reasons(unittest.TestCase):
    """Of launchers that end before a client says that it is ready: one line, and the exit code."""

    def refused(self, kind, text, patience=PATIENCE):
        one = kind([("h", ["sh", "-c", text])], None, progress.Progress("never"), patience)
        with self.assertRaises(fleet.Refused) as refused, one:
            one.begin()
        return refused.exception.code, str(refused.exception)

    def test_are_the_clients_own_where_it_wrote_one(self):
        text = "echo 'client: --x: unknown (--help)' >&2; echo 'srun: error: exit code 2' >&2; exit 2"
        self.assertEqual(self.refused(fleet.Fleet, text), (2, "h: --x: unknown (--help)"))
        text = "printf '%s\\n' --- 'client-mpi: --x: unknown' --- 'Primary job' --- >&2; exit 2"
        self.assertEqual(self.refused(mpi.Fleet, text), (2, "mpirun: --x: unknown"))

    def test_are_the_launchers_last_line_though_it_is_not_whole(self):
        found = self.refused(fleet.Fleet, "echo warning >&2; printf 'Connection refused' >&2; exit 255")
        self.assertEqual(found, (4, "h: its launcher ended with 255: Connection refused"))
        self.assertEqual(self.refused(fleet.Fleet, "exit 127")[0], 3)

    def test_are_all_that_mpirun_wrote_but_its_rules(self):
        found = self.refused(mpi.Fleet, "printf '%s\\n' --- 'it noticed' 'signal 9' --- >&2; exit 137")
        self.assertEqual(found, (4, "mpirun: ended with 137: it noticed signal 9"))


class Mpirun(unittest.TestCase):
    def test_has_time_to_end_unless_a_rank_is_lost_or_none_may_begin(self):
        """A SIGTERM while Open MPI ends its ranks, which takes 2 s, crashes it."""
        dead = unittest.mock.Mock(refused=None)
        refused = unittest.mock.Mock(refused=(3, "no"))
        for signals, started_at, is_cut, ranks, expected in (
            ([], 7, False, [dead], (mpi.ENDING, mpi.KILLING)),
            ([2], 7, False, [dead], (mpi.ENDING, mpi.KILLING)),
            ([], 7, True, [dead], (fleet.AT_ONCE, mpi.KILLING)),
            ([], None, False, [refused], (mpi.ENDING, mpi.KILLING)),
            ([], None, False, [dead], (0.0, mpi.KILLING)),
            ([2], None, False, [], (0.0, mpi.KILLING)),
            ([2, 2], 7, False, [dead], (fleet.AT_ONCE, fleet.AT_ONCE)),
        ):
            one = mpi.Fleet([("mpirun", ["x"])], None, progress.Progress("never"), PATIENCE)
            one.loop, one.ranks, one.signals = unittest.mock.Mock(), ranks, signals
            one.started_at, one.is_cut = started_at, is_cut
            one.quit()
            self.assertEqual(one.loop.end.call_args.args, expected)
        self.assertGreater(mpi.ENDING, 3 + 2)  # MPI_Finalize(), and Open MPI's own

    def test_is_not_waited_for_long_once_rank_0_has_sent_the_report_of_all(self):
        """Where the output of a host is stuck, its document came to rank 0 over MPI."""
        kept = unittest.mock.Mock()
        one = mpi.Fleet([("mpirun", ["x"])], kept, progress.Progress("never"), PATIENCE)
        one.mpirun.pipe = unittest.mock.Mock(is_closed=False)
        for number in (0, 1):
            one.take(frames.Frame(number, "hello", {"ranks": 2}), 1)
        self.assertTrue(one.is_awaited(one.ranks[1], mpi.AFTER_THE_REPORT * 3))
        one.take(frames.Frame(0, "merged", {"ranks": []}), 5)
        self.assertTrue(one.is_awaited(one.ranks[1], 6))
        self.assertFalse(one.is_awaited(one.ranks[1], mpi.AFTER_THE_REPORT * 2))
        one.conclude(7)
        self.assertEqual((one.missing, one.is_cut), ({}, True))
        kept.keep_merged.assert_called_once_with({"ranks": []})

    def test_tells_only_what_clients_say_once_all_is_over(self):
        one = mpi.Mpirun()
        one.tells = True
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            one.complained(b"lost a rank\n")
            one.is_over = True
            one.complained(b"Primary job terminated\nclient-mpi: out.json: No space left on device\n")
        expected = "mpirun: lost a rank\nmpirun: client-mpi: out.json: No space left on device\n"
        self.assertEqual(errors.getvalue(), expected)


class Many(unittest.TestCase):
    def fleet(self, ranks):
        commands = [(f"h{number}", []) for number in range(ranks)]
        return fleet.Fleet(commands, None, progress.Progress("never"), PATIENCE)

    def test_clocks_are_measured_one_after_the_other_or_in_a_few_groups(self):
        for ranks, groups in ((1, 1), (4, 4), (20, 20), (21, 11), (200, 20), (4096, 20)):
            found = self.fleet(ranks).groups()
            self.assertEqual((len(found), sum(map(len, found))), (groups, ranks))

    def test_clocks_that_are_slow_end_with_the_time_for_all(self):
        one = self.fleet(1)
        one.loop, one.ranks[0].pipe = unittest.mock.Mock(), unittest.mock.Mock(is_closed=False)
        with self.assertRaisesRegex(fleet.Refused, "h0: no client answers"):
            one.measure_clocks(one.ranks, time.monotonic() - 1)

    def test_lines_name_some_of_them(self):
        self.assertEqual(fleet.listed(["a", "b", "a"]), "a, b")
        self.assertEqual(fleet.listed([f"h{number}" for number in range(10)]), "h0, h1, h2, h3, h4, h5, h6, h7 and 2 more")
        ranks = self.fleet(200).ranks
        for one in ranks:
            one.progress = {"echoes_per_s": 200 - one.number}
        line = progress.line_of(ranks)
        self.assertTrue(line.endswith("h192 8/s"), line)
        self.assertLess(len(line), 250)


class Kept(unittest.TestCase):
    """The documents, whatever comes of their merging."""

    def merged(self, client, missing):
        folder = pathlib.Path(FOLDER.name)
        with results.Results(folder / client) as kept:
            one = rank.Rank(0, "h")
            one.document = {"exit_code": 0}
            kept.keep(one)
            try:
                return kept, kept.merge(missing, False)
            except results.Failed as failure:
                kept.__exit__(results.Failed, failure, None)
                return kept, str(failure)

    def test_are_there_if_they_cannot_be_merged(self):
        bad = pathlib.Path(FOLDER.name) / "bad"
        bad.mkdir()
        (bad / "client").symlink_to("/bin/false")
        kept, text = self.merged("bad", {})
        self.assertIn(f"the documents of the ranks are in {kept.folder}", text)

    def test_that_the_ranks_merged_themselves_stay_what_they_are(self):
        with results.Results(pathlib.Path(FOLDER.name)) as kept:
            whole = {"exit_code": 0, "ranks": [{"rank": 0}, {"rank": 1}], "missing": []}
            kept.keep_merged(whole)
            self.assertEqual(kept.merge({}, False)[2], whole)

    def test_are_merged_whatever_a_host_that_is_lost_has_said(self):
        _, (code, _, document, _) = self.merged(".", {1: ("h\n", "a\0b\ud800" + "c" * 200_000)})
        self.assertEqual((code, document["missing"][0][:20]), (0, "1=h : a\\x00b\\ud800cc"))


class Ranks(unittest.TestCase):
    def test_files_at_the_hosts_have_the_number_of_their_rank(self):
        words = ["--json", "a-{rank}", "--data", "{rank}", "--hgrm=b-{rank}", "{rank}"]
        expected = ["--json", "a-7", "--data", "{rank}", "--hgrm=b-7", "{rank}"]
        self.assertEqual(script.words_of(words, 7), expected)

    def test_values_of_wrong_types_are_ignored(self):
        one = rank.Rank(0, "h")
        for kind in frames.KINDS:
            for value in (None, [], 7, {"id": "x", "ns": None, "exit_code": [], "phase": {}, "deadline_ns": "9"}):
                one.take(frames.Frame(0, kind, value), 5)
        self.assertEqual(one.refused[0], 4)
        self.assertIn("0 connected", one.last_seen() + progress.line_of([one]))

    def test_a_silent_rank_is_asked_and_then_given_up(self):
        one = rank.Rank(0, "h")
        sent = []
        one.send = sent.append
        self.assertFalse(one.is_silent(int(4e9)))
        self.assertFalse(one.is_silent(int(6e9)) or one.is_silent(int(19e9)))
        self.assertEqual(sent, ["clock 1"])
        self.assertTrue(one.is_silent(int(21e9)))
        one.take(frames.Frame(0, "clock", {"id": 1, "ns": 3}), int(22e9))
        self.assertFalse(one.is_silent(int(23e9)))


class Server(unittest.TestCase):
    def test_one_that_cannot_be_reached_does_not_keep_a_signal(self):
        loop = pipe.Loop()
        self.addCleanup(loop.close)
        self.addCleanup(loop.end, 0)
        with self.assertRaises(fleet.Interrupted):
            watch = server.Watch(["sleep", "60"], 7)
            watch.begin(loop, time.monotonic() + PATIENCE, unittest.mock.Mock(side_effect=fleet.Interrupted))

    def test_cpu_of_the_window_in_which_all_measured(self):
        watch = server.Watch([], 7)
        for second in range(10):  # its clock is 100 s behind; lines take 1 ms, the fastest 0
            line = {"ns": second * 10**9, "cpu_ns": max(second - 4, 0) * 10**8, "resident": 1000 + 500 * second, "threads": 1}
            watch.heard(json.dumps(line).encode() + b"\nnoise\n", (100 + second) * 10**9 + (second % 3) * 10**6)
        one = rank.Rank(0, "h")
        one.before = clock.Offset(5 * 10**9, 1, 0)
        one.document = {
            "phases": {"warm_up": {"ns": 10**9}, "measured": {"ns": 2 * 10**9, "verified": 100}},
            "rank": {"traffic": {"begun_ns": (105 + 4) * 10**9 + 10**9 // 2}},
            "connections": {"established": 10},
        }  # fmt: skip
        found = watch.figures([one])  # from 5.5 s to 7.5 s of the server's clock
        self.assertEqual((found["cpu_ns"], found["cpu_ns_per_echo"]), (2 * 10**8, 2 * 10**6))
        self.assertEqual((found["resident"], found["resident_per_connection"]), (4500, 350))
        self.assertIn("2.00 ms per echo", watch.text_of(found))
        one.document["phases"]["measured"]["ns"] = 10**11  # beyond the last sample
        self.assertIsNone(watch.figures([one])["cpu_ns_per_echo"])
        self.assertIn("CPU - per echo", watch.text_of(watch.figures([one])))


#: {name: (words before --, what the fake clients do)}. They run while the other tests do, because most of
#: the time they wait; the tests look at what came of each.
RUNS = {
    "whole": ((), {"0": {"ahead": 5 * 10**9, "commit": "abc", "banner": "\x1b[31mWelcome"}}),
    "killed before hello": ((), {"1": {"die": "hello"}}),
    "killed before ready": ((), {"1": {"die": "ready"}}),
    "killed before standing": ((), {"1": {"die": "standing"}}),
    "killed in traffic": ((), {"1": {"die": "traffic"}, "all": {"deadline": 100 * 10**9}}),
    "killed after its document": ((), {"1": {"die": "document"}}),
    "refused": ((), {"1": {"refuse": "open files: need 9, have 5: ulimit -n 9"}}),
    "another version": ((), {"1": {"version": "2"}}),
    "another commit": ((), {"0": {"commit": "abc"}, "1": {"commit": "abd with changes"}}),
    "stalled before hello": (("--wait", "1.5s"), {"1": {"stall": "hello"}}),
    "stalled in traffic": ((), {"1": {"stall": "traffic"}, "all": {"deadline": 15 * 10**8}}),
    "torn": ((), {"1": {"torn": True}}),
    "failed": ((), {"1": {"status": 5}}),
    "deaf": ((), {"1": {"deaf": True}}),
}


class Ran(dict):
    """The Runs by name, once each has ended."""

    def __getitem__(self, name):
        return super().__getitem__(name).result()


RAN = Ran()


class Run:
    """scripts/fleet with fake clients."""

    def __init__(self, folder, name, words=(), fake=None, ranks=2, client=()):
        self.folder = pathlib.Path(folder)
        self.json = self.folder / f"{name}.json"
        ways = () if {"--launch", "--mpi"} & {*words} else ("--ranks", str(ranks))
        words = [SOURCE / "scripts/fleet", "--bin", self.folder, *ways, "--json", self.json, *words, "--"]
        if fake is not None:
            words += ["--fake", json.dumps(fake)]
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [*words, *client], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env={**os.environ, "TESTBED_SOURCE_DIR": str(SOURCE)},
        )  # fmt: skip

    def end(self):
        try:
            self.out, self.errors = self.process.communicate(timeout=PATIENCE)
        finally:
            self.process.kill()
        self.took = time.monotonic() - self.began
        self.code = self.process.returncode
        self.document = json.loads(self.json.read_text()) if self.json.exists() else None
        return self


def interrupted(folder, name, fake, *signals):
    run = Run(folder, name, ("--progress", "always"), {"all": {"time": 30}, **fake})
    for line in run.process.stderr:
        if "echo: " in line:
            break
    for number in signals:
        run.process.send_signal(number)
        time.sleep(0.1)  # else the two are one
    return run.end()


def launched(folder, name, text):
    """With hostile words, by a launcher that is this script."""
    path = pathlib.Path(folder) / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    words = ("--hosts", "h1", "--launch", f"{path} {{host}}", "--seed", "7")
    return Run(folder, name, words, {"all": {"kills_launcher": name == "other"}}, client=HOSTILE).end()


def under_mpi(folder, name, fake=None, shares="0/2 1/2"):
    mpirun = pathlib.Path(folder) / f"mpirun-{name}"
    mpirun.write_text(f'#!/bin/sh\nfor share in {shares}; do "$@" --share $share & done\nwait\n')
    mpirun.chmod(0o755)
    return Run(folder, name, ("--mpi", mpirun), {"all": {"alone": True}, **(fake or {})}).end()


INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
GOES_ON = {"time": 30, "goes_on": True}
#: {name: (what makes the Run, its arguments)}: beside RUNS.
OTHERS = {
    "other": (launched, 'shift\n"$@"; exit $?\n'),
    "ssh": (launched, 'shift\nsh -c "$*"; exit $?\n'),
    "once": (interrupted, {}, INT),
    "twice": (interrupted, {"1": GOES_ON}, TERM, TERM),
    "nothing": (interrupted, {"0": GOES_ON, "1": GOES_ON}, HUP, HUP),
    "mpi": (under_mpi,),
    "mpi-lost": (under_mpi, {"1": {"die": "traffic"}}),
    "strangers": (under_mpi, {}, "0/1 0/1"),
}


def setUpModule():
    global FOLDER
    FOLDER = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(FOLDER.cleanup)
    for name in ("client", "client-mpi"):
        (pathlib.Path(FOLDER.name) / name).symlink_to(SOURCE / "tests/scripts/fake_client.py")
    jobs = {name: (lambda folder, name, *run: Run(folder, name, *run).end(), *run) for name, run in RUNS.items()}
    pool = concurrent.futures.ThreadPoolExecutor(8)
    unittest.addModuleCleanup(pool.shutdown)
    longest = ("stalled in traffic", "stalled before hello", "deaf", "other", "torn")
    for name, (make, *more) in sorted((jobs | OTHERS).items(), key=lambda job: job[0] not in longest):
        dict.__setitem__(RAN, name, pool.submit(make, FOLDER.name, name, *more))


class Whole(unittest.TestCase):
    def test_all_begin_at_a_time_on_their_own_clocks(self):
        run = RAN["whole"]
        self.assertEqual((run.code, run.out), (0, "merged 2\n"), run.errors)
        logs = [{word[0] + word[1] * (word[0] == "offset"): word for word in one["log"]} for one in run.document["of"]]
        found = [int(log["offsetbefore"][2]) for log in logs]
        self.assertLessEqual(abs(found[0] - 5 * 10**9), int(logs[0]["offsetbefore"][3]))
        self.assertLess(int(logs[0]["offsetbefore"][3]), 10**7)
        for name in ("start", "traffic"):
            self.assertEqual(int(logs[0][name][1]) - int(logs[1][name][1]), found[0] - found[1])
        for one in run.document["of"]:
            self.assertGreater(one["rank"]["clock_after"]["bound_ns"], 0)

    def test_all_have_one_seed_and_their_shares(self):
        words = [one["argv"] for one in RAN["whole"].document["of"]]
        self.assertEqual([one[:3] for one in words], [["--frames", "--share", f"{at}/2"] for at in (0, 1)])
        self.assertEqual(words[0][3:5], words[1][3:5])
        self.assertEqual(words[0][3], "--seed")

    def test_other_lines_of_a_host_are_told_and_are_printable(self):
        self.assertEqual(RAN["whole"].errors, "local0: \\x1b[31mWelcome\n")

    def test_a_client_that_does_not_end_is_ended(self):
        run = RAN["deaf"]
        self.assertEqual((run.code, run.out), (0, "merged 2\n"), run.errors)
        self.assertLess(run.took, 20)

    def test_the_exit_code_is_that_of_the_merged_report(self):
        self.assertEqual((RAN["failed"].code, RAN["failed"].document["missing"]), (1, []))

    def test_a_signal_ends_all_with_their_results_and_a_second_one_at_once_with_what_came(self):
        run = RAN["once"]
        self.assertEqual((run.code, run.out, run.document["missing"]), (130, "merged 2\n", []), run.errors)
        self.assertEqual([one["log"][-1] for one in run.document["of"]], [["stop"], ["stop"]])
        run = RAN["twice"]
        self.assertEqual((run.code, run.out), (143, "merged 1\n"), run.errors)
        self.assertRegex(run.document["missing"][0], "1=local1: interrupted")
        self.assertLess(run.took, 10)
        run = RAN["nothing"]
        self.assertEqual((run.code, run.document), (129, None), run.errors)

    def test_words_arrive_as_they_were_and_an_ended_launcher_loses_nothing(self):
        for name in ("ssh", "other"):
            run = RAN[name]
            self.assertEqual(run.code, 0, run.errors)
            self.assertEqual(run.document["of"][0]["argv"][-len(HOSTILE) :], list(HOSTILE))

    def test_what_came_of_mpirun_is_merged(self):
        for code, name in enumerate(("mpi", "mpi-lost")):
            run = RAN[name]
            self.assertEqual((run.code, len(run.document["of"])), (code, 2 - code), run.errors)
            self.assertEqual(len(run.document["missing"]), code)
        pattern = f"^1={socket.gethostname()}: mpirun ended with 0; last seen .*echo"
        self.assertRegex(run.document["missing"][0], pattern)

    def test_programs_of_another_mpi_are_refused(self):
        """Under its mpirun each is a whole of its own."""
        run = RAN["strangers"]
        self.assertEqual((run.code, run.document), (3, None), run.errors)
        self.assertRegex(run.errors, "^scripts/fleet: several clients are rank 0: .* another MPI than mpirun\n$")


class Refused(unittest.TestCase):
    def check(self, name, code, pattern):
        run = RAN[name]
        self.assertEqual((run.code, run.out, run.document), (code, "", None), run.errors)
        self.assertRegex(run.errors, pattern)
        self.assertEqual(run.errors.count("\n"), 1, run.errors)

    def test_one_that_cannot_begin_refuses_the_whole_with_the_line_to_type(self):
        self.check("refused", 3, "^scripts/fleet: local1: open files: need 9, have 5: ulimit -n 9\n")

    def test_one_that_dies_before_the_start_refuses_the_whole(self):
        self.check("killed before hello", 4, "local1: .*signal 9")
        self.check("killed before ready", 4, "local1: .*signal 9")

    def test_one_that_does_not_answer_refuses_the_whole(self):
        self.check("stalled before hello", 4, "local1: no client answers")

    def test_several_versions(self):
        self.check("another version", 3, "several versions: local0: 1; local1: 2; must be the same")
        each = "local0: 1, commit abc; local1: 1, commit abd with changes; must be the same"
        self.check("another commit", 3, f"several versions: {each}")


class Lost(unittest.TestCase):
    def check(self, name, pattern):
        run = RAN[name]
        self.assertEqual((run.code, len(run.document["of"])), (1, 1), run.errors)
        self.assertEqual(len(run.document["missing"]), 1)
        self.assertRegex(run.document["missing"][0], pattern)
        self.assertIn("rank 1 is missing: local1: ", run.errors)
        return run

    def test_traffic_starts_without_one_that_died_before_it_stood(self):
        run = self.check("killed before standing", "^1=local1: .*signal 9; last seen .*connect, 5 connected")
        self.assertTrue(run.document["of"][0]["rank"]["traffic"]["begun_ns"])

    def test_one_that_died_in_traffic_is_named_with_what_was_last_seen(self):
        run = self.check("killed in traffic", "signal 9; last seen after 0 s: echo, 5 connected, 7 verified")
        self.assertLess(run.took, 40, "no deadline is waited for")

    def test_one_that_died_after_its_document_is_not_missing(self):
        run = RAN["killed after its document"]
        self.assertEqual((run.code, run.document["missing"], len(run.document["of"])), (0, [], 2))

    def test_one_that_stalls_is_waited_for_until_its_deadline_and_a_second(self):
        run = self.check("stalled in traffic", "no result by the deadline; last seen .*echo")
        self.assertLess(run.took, 15)

    def test_a_document_that_came_torn(self):
        self.check("torn", "lines of it were torn")


class Alone(unittest.TestCase):
    """Runs of their own."""

    def test_traffic_starts_without_one_that_stalls_before_it_stands(self):
        """In this process, where 20 s of silence can be 1 s."""
        fake = json.dumps({"1": {"stall": "standing"}, "all": {"deadline": 100 * 10**9}})
        client = str(SOURCE / "tests/scripts/fake_client.py")
        commands = [
            (f"h{number}", [client, "--frames", "--share", f"{number}/2", "--fake", fake]) for number in (0, 1)
        ]
        with tempfile.TemporaryDirectory() as folder, results.Results(pathlib.Path(folder), folder) as kept:
            one = fleet.Fleet(commands, kept, progress.Progress("never"), PATIENCE)
            shorter = unittest.mock.patch.multiple(rank, ASK_AFTER=0.3, SILENT_AFTER=1.0)
            with shorter, unittest.mock.patch.object(fleet, "ENDING", 0.1), one:
                one.begin()
                one.follow()
            document = json.loads(kept.kept[0].read_text())
        self.assertTrue(document["rank"]["traffic"]["begun_ns"])
        self.assertRegex(one.missing[1][1], "did not answer any more; last seen .*connect")

    def test_files_are_written_though_stdout_is_not_and_stdout_though_they_are_not(self):
        folder = pathlib.Path(FOLDER.name)
        words = [SOURCE / "scripts/fleet", "--bin", folder, "--ranks", "1", "--json", folder / "full.json", "--"]
        with open("/dev/full", "w") as full:
            done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual((done.returncode, (folder / "full.json").exists()), (7, True), done.stderr)
        words[5:6] = ["--json", "/dev/full", "--hgrm", folder / "hgrm"]
        done = subprocess.run([*words[:9], "--"], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stdout, (folder / "hgrm").exists()), (7, "merged 1\n", True), done.stderr)

    def test_usage(self):
        for words in (
            (), ("--hosts", "a"), ("--ranks", "0"), ("--ranks", "2", "--mpi", "x"), ("--ranks", "5000"),
            ("--ranks", "1", "--", "--json", "x"), ("--ranks", "1", "--", "--share=0/2"), ("--ranks", "1", "--server-pid", "7"), ("-n", "9"),
            ("--mpi", "mpirun", "--server-via", "env", "--server-pid", "7"),
        ):  # fmt: skip
            parser = command.Parser("scripts/fleet", "")
            script.add_options(parser)
            errors = io.StringIO()
            with contextlib.redirect_stderr(errors), self.assertRaises(SystemExit) as end:
                script.parse(parser, words)
            self.assertEqual((end.exception.code, errors.getvalue().count("\n")), (2, 1), words)

    def test_a_launcher_that_is_not_there(self):
        run = Run(FOLDER.name, "nowhere", ("--launch", "/nowhere/ssh {host}", "--hosts", "a")).end()
        self.assertEqual((run.code, run.errors.count("\n")), (3, 1), run.errors)


class Real(unittest.TestCase):
    """Two clients of the testbed on this machine, and a server that is watched."""

    def setUp(self):
        self.server = bench_runs.Server(BIN, "echo_async:nested-epoll", None)
        self.addCleanup(self.server.end, signal.SIGTERM)

    def fleet(self, *words, code=0):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "fleet.json"
            done = subprocess.run(
                [SOURCE / "scripts/fleet", "--bin", BIN, "--ranks", "2", "--json", path, *map(str, words)],
                capture_output=True, text=True, timeout=PATIENCE,
            )  # fmt: skip
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
            self.document = json.loads(path.read_text()) if path.exists() else None
        return done

    def test_both_put_one_load_on_the_server(self):
        watched = ("--server-via", "env", "--server-pid", self.server.pid)
        load = ("-n", 101, "--mode", "stream", "-d", "0.5s", "-R", 400, f"127.0.0.1:{self.server.port}")
        done = self.fleet(*watched, "--", *load)
        self.assertEqual(self.document["connections"]["served"], 101)
        self.assertGreater(self.document["server"]["cpu_ns_per_echo"], 0)
        self.assertIn("Max conc: 101\n", done.stdout)
        with contextlib.suppress(ImportError):
            from jsonschema import Draft202012Validator

            schema = json.loads((SOURCE / "docs/schema/client.json").read_text())
            found = Draft202012Validator(schema).iter_errors({"server": self.document["server"]})
            wrong = [error.message for error in found if error.validator != "required"]
            self.assertEqual(wrong, [])
        self.assertRegex(done.stdout, r"(?m)^server +CPU .* per echo, resident .* per connection")

    def test_a_limit_refuses_the_whole_before_any_connect(self):
        done = self.fleet("--", "-n", "4", "192.0.2.1:1", code=6)
        self.assertIn("--allow-remote 192.0.2.1/32", done.stderr)
        self.assertEqual((done.stdout, self.document), ("", None))


if __name__ == "__main__":
    unittest.main()
