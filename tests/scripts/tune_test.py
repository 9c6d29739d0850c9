#!/usr/bin/python3
"""Tests of scripts/tune: its files, the journal of host-wide settings, namespaces, and real runs.

Tests that need a private network namespace or root are skipped with the reason if there is none.
Host-wide settings are tested on a fixture tree; one test as root raises vm.max_map_count by one.
"""

import contextlib
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
BINARIES = pathlib.Path(os.environ.get("TESTBED_BIN_DIR", SOURCE / "build" / "bin"))
sys.path.insert(0, str(SOURCE / "scripts"))
from experiment import figures, plan  # noqa: E402
from tuning import feasibility, host, journal, namespace, namespace_settings  # noqa: E402
from tuning import results_text, snapshot, spec  # noqa: E402

TUNE = SOURCE / "scripts" / "tune"
PATIENCE = 30
MAPS = "vm.max_map_count"

GOOD = """
name = "small"
question = "Does it run?"
varies = "the accept queue"
expects = "nothing at 50 connections"
source = "listen(2)"
primary = "ramp_s"
server = "echo_async:callbacks"
client = ["-n", "50"]
[[arm]]
name = "long"
sysctl = { "net.core.somaxconn" = 4096 }
[[arm]]
name = "short"
sysctl = { "net.core.somaxconn" = 128 }
"""


def why_no_namespace():
    try:
        with namespace.Network(namespace.Topology("veth", "100mbit")):
            return None
    except namespace.NoNamespace as error:
        return str(error)


NO_NAMESPACE = why_no_namespace()
NO_PROGRAMS = None if os.access(BINARIES / "client", os.X_OK) else f"{BINARIES} has no client"
in_namespaces = unittest.skipIf(NO_NAMESPACE, NO_NAMESPACE)
with_programs = unittest.skipIf(NO_NAMESPACE or NO_PROGRAMS, NO_NAMESPACE or NO_PROGRAMS)
as_root = unittest.skipUnless(host.Host().writable(MAPS), f"{MAPS} is not writable for this user")


class InFolder(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def write(self, text, name="mine.toml"):
        file = self.folder / name
        file.write_text(text)
        return file


class Files(InFolder):
    #: (text replaced, its replacement, words of the error line)
    BAD = (
        ('name = "small"', 'name = "Small one"', ("name", "lower-case letters")),
        ('name = "small"', "", ("name", "missing")),
        ('name = "small"', "name = 3", ("name", "a text")),
        ('question = "Does it run?"', 'question = " "', ("question", "a text")),
        ('source = "listen(2)"', 'sauce = "listen(2)"', ("sauce", "did you mean source?")),
        ('primary = "ramp_s"', 'primary = "ramp"', ("primary", "did you mean ramp_s?")),
        ('"echo_async:callbacks"', '"nginx"', ("server", "echo_threads, echo_async")),
        ('"echo_async:callbacks"', '"echo_async --backlog 3"', ("server", "the model's name")),
        ('callbacks"', 'callbacks --bind 0.0.0.0"', ("server", "--bind", "omit it")),
        ('["-n", "50"]', '"-n 50"', ("client", "a list of texts")),
        ('["-n", "50"]', '["-n", 50]', ("client", "a list of texts")),
        ('["-n", "50"]', '["--allow-remote=0.0.0.0/0"]', ("client", "omit it")),
        ("client =", "reps = 0\nclient =", ("reps", "1 to 200")),
        ("client =", "reps = true\nclient =", ("reps", "whole number")),
        ("client =", "reps = 2.5\nclient =", ("reps", "whole number")),
        ("client =", 'cool_down = "x"\nclient =', ("cool_down", "seconds")),
        ("client =", 'figures = ["echoes"]\nclient =', ("figures", "echoes_per_s")),
        ("client =", 'topology = "bridge"\nclient =', ("topology", '"veth"')),
        ("client =", 'topology = {kind = "veth", rat = "1"}\nclient =', ("topology.rat", "rate")),
        ("client =", 'topology = {kind = "veth", rate = "9 x"}\nclient =', ("rate", "100mbit")),
        ("client =", 'topology = {kind="loopback",rate="1mbit"}\nclient =', ("no queue",)),
        ("client =", 'topology = {kind="veth",burst="1kb"}\nclient =', ("topology.burst", "rate")),
        ('"net.core.somaxconn" = 128', '"kernel.pid_max" = 9000', ("host-wide", "--apply")),
        ('"net.core.somaxconn" = 128', '"vm.swappiness" = 9', ("not a network", "host")),
        ('"net.core.somaxconn" = 128', '"net.core../x" = 9', ("not a network",)),
        ('"net.core.somaxconn" = 128', "net.core.somaxconn = 128", ("quote a name",)),
        ('"net.core.somaxconn" = 128', '"net.core.somaxconn" = true', ("a whole number",)),
        (
            '"net.core.somaxconn" = 128',
            '"net.core.high_order_alloc_disable" = 1',
            ("host-wide", "--apply"),
        ),
        ("sysctl = { \"net.core.somaxconn\" = 128 }", "", None),  # this one is good
        ('= 128 }', '= 4096 }', ("arm 2", "the same as arm 'long'")),
        ('name = "short"', 'name = "long"', ("arm 2", "another arm has the name")),
        ('name = "short"', 'nam = "short"', ("arm 2: nam", "did you mean name?")),
        ('name = "short"', 'name = "short"\noptional = 1', ("optional", "true or false")),
        ('name = "short"', f'name = "short"\nhost = {{"{MAPS}" = 9000}}', ("each arm",)),
        ('name = "short"', f'name = "short"\nhost = {{"{MAPS}" = 5}}', ("8192 to",)),
        ('name = "short"', 'name = "short"\nhost = {"vm.swappiness" = 5}', (MAPS,)),
        ('name = "short"', 'name = "short"\nhost = {transparent_hugepage = "on"}', ("madvise",)),
        ('name = "short"', 'name = "short"\nenvironment = {"A B" = "1"}', ("environment",)),
        ("[[arm]]\nname = \"long\"", "[arm]\nname = \"long\"", ("not TOML",)),
        ('name = "small"', 'name = "small', ("not TOML", "line")),
    )

    def test_a_bad_file_is_one_line_with_the_file_the_key_and_what_is_allowed(self):
        for old, new, words in self.BAD:
            with self.subTest(new=new):
                self.assertIn(old, GOOD)
                file = self.write(GOOD.replace(old, new, 1))
                if words is None:
                    self.assertEqual(spec.read(file, figures.FIGURES).arms[1].sysctl, {})
                    continue
                with self.assertRaises(spec.SpecError) as raised:
                    spec.read(file, figures.FIGURES)
                line = str(raised.exception)
                self.assertNotIn("\n", line)
                for word in (str(file), *words):
                    self.assertIn(word, line)

    def test_one_arm_is_no_experiment(self):
        file = self.write(GOOD[: GOOD.rindex("[[arm]]")])
        with self.assertRaisesRegex(spec.SpecError, "two or more"):
            spec.read(file)

    def test_shared_settings_apply_to_each_arm_unless_it_sets_its_own(self):
        shared = '[sysctl]\n"net.ipv4.tcp_sack" = 0\n"net.core.somaxconn" = 7\n[[arm]]'
        read = spec.read(self.write(GOOD.replace("[[arm]]", shared, 1)), figures.FIGURES)
        wanted = [{"net.ipv4.tcp_sack": "0", "net.core.somaxconn": n} for n in ("4096", "128")]
        self.assertEqual([arm.sysctl for arm in read.arms], wanted)

    def test_every_preset_is_read_and_named_like_its_file(self):
        names = {"backlog", "port-range", "time-wait", "buffers", "congestion"}
        names |= {"one-page-stacks", "high-order", "thread-maps", "huge-pages"}
        read = [spec.read(file, figures.FIGURES) for file in spec.presets()]
        self.assertEqual({one.name for one in read}, names)
        for one in read:
            self.assertEqual(pathlib.Path(one.file).stem, one.name)
            self.assertGreater(len(one.arms), 1)
        needing = {one.name for one in read if one.host_settings}
        self.assertEqual(needing, {"high-order", "thread-maps", "huge-pages"})

    def test_an_unknown_name_suggests_a_similar_one(self):
        with self.assertRaisesRegex(spec.SpecError, "did you mean backlog?"):
            spec.find("backlogs")
        with self.assertRaisesRegex(spec.SpecError, "No such file"):
            spec.read(spec.find("no/such.toml"))


class Fixture(InFolder):
    """A host whose files are in a folder."""

    def setUp(self):
        super().setUp()
        self.root = self.folder / "root"
        for setting in host.SETTINGS.values():
            file = self.root / setting.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("always [madvise] never\n" if setting.words[2:] else "65530\n")
        self.host = host.Host(self.root)
        self.path = self.folder / "state" / "journal"

    def journal(self):
        return journal.Journal(self.host, self.path)

    def set(self, value, name=MAPS):
        self.host.path(name).write_text(value)

    def killed_within(self, value="70000"):
        """Kills a process that has changed a setting, before it restores it."""
        script = (
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "from tuning import host, journal\n"
            "with journal.Journal(host.Host(sys.argv[2]), sys.argv[3]) as opened:\n"
            "    with opened.changed({sys.argv[4]: sys.argv[5]}):\n"
            "        print('changed', flush=True)\n"
            "        sys.stdin.read()\n"
        )
        words = [SOURCE / "scripts", self.root, self.path, MAPS, value]
        with subprocess.Popen(
            [sys.executable, "-c", script, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            self.assertEqual(process.stdout.readline(), b"changed\n")
            with self.assertRaisesRegex(journal.Open, "is running"):
                self.journal().__enter__()
            with self.assertRaisesRegex(journal.Open, "is running"):
                self.journal().recover()
            process.kill()
        self.assertEqual(self.host.read(MAPS), value)


class Journal(Fixture):
    def test_with_a_name_or_a_value_of_another_version_is_kept_and_reported_in_one_line(self):
        steps = (
            {"file": "vm.unknown", "old": "1", "new": "2"},
            {"file": MAPS, "old": "many", "new": "20000"},
            {"file": MAPS, "old": 65530, "new": 20000},
            {"file": ["x"], "old": "1", "new": "2"},
            {"file": MAPS, "old": "65530"},
            [],
        )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("".join(json.dumps(step) + "\n" for step in steps))
        opened = journal.Journal(self.host, self.path)
        lines = opened.recover()
        self.assertEqual(len(lines), 2, lines)
        for line, name in zip(sorted(lines), (MAPS, "vm.unknown")):
            self.assertRegex(line, rf"^{name}: not restored to .*by hand, then remove ")
            self.assertNotIn("\n", line)
        self.assertTrue(self.path.exists())

    def test_restores_what_it_changed_and_removes_itself(self):
        with self.journal() as opened:
            with opened.changed({MAPS: "70000", "transparent_hugepage": "never"}):
                self.assertEqual(self.host.read(MAPS), "70000")
                self.assertEqual(self.host.read("transparent_hugepage"), "never")
            self.assertEqual(self.host.read(MAPS), "65530")
        self.assertEqual(self.host.read("transparent_hugepage"), "madvise")
        self.assertFalse(self.path.exists())
        self.assertEqual([*self.path.parent.iterdir()], [])
        self.assertEqual(opened.notes, [])

    def test_restores_after_an_exception_and_after_a_signals(self):
        for error in (ValueError, KeyboardInterrupt, SystemExit):
            with self.assertRaises(error), self.journal() as opened:
                with opened.changed({MAPS: "70000"}):
                    raise error
            self.assertEqual(self.host.read(MAPS), "65530")
            self.assertFalse(self.path.exists())

    def test_is_on_disk_before_the_setting_is_written(self):
        seen = []
        write = self.host.write
        self.host.write = lambda *step: (seen.append(self.path.read_text()), write(*step))
        with self.journal() as opened, opened.changed({MAPS: "70000"}):
            pass
        self.assertIn('{"file": "vm.max_map_count", "old": "65530", "new": "70000"}', seen[0])

    def test_a_second_one_is_refused_while_the_first_is_open(self):
        with self.journal():
            with self.assertRaisesRegex(journal.Open, "is running"):
                self.journal().__enter__()
        self.assertFalse(self.path.exists())

    def test_after_kill_9_it_names_the_command_and_recover_restores_once(self):
        self.killed_within()
        with self.assertRaisesRegex(journal.Open, "run: scripts/tune --recover"):
            self.journal().__enter__()
        self.assertEqual(self.journal().recover(), [f"{MAPS}: restored to 65530 (was 70000)"])
        self.assertEqual(self.host.read(MAPS), "65530")
        self.assertEqual(self.journal().recover(), ["nothing to recover: no journal is open"])

    def test_another_processs_change_is_left_unchanged_and_reported(self):
        self.killed_within()
        self.set("80000")
        opened = self.journal()
        (line,) = opened.recover()
        self.assertIn("another process set it to 80000", line)
        self.assertEqual(self.host.read(MAPS), "80000")
        self.assertFalse(self.path.exists())
        with self.journal() as opened:
            with opened.changed({MAPS: "70000"}):
                self.set("81000")
            self.assertIn("81000", opened.notes[0])
        self.assertEqual(self.host.read(MAPS), "81000")

    def test_a_step_that_was_never_written_changes_nothing(self):
        self.path.parent.mkdir()
        self.path.write_text('{"file": "vm.max_map_count", "old": "65530", "new": "70000"}\n')
        (line,) = self.journal().recover()
        self.assertEqual(line, "nothing to restore: all settings have their old values")
        self.assertEqual(self.host.read(MAPS), "65530")

    def test_a_line_that_a_crash_cut_off_was_not_written_yet(self):
        self.path.parent.mkdir()
        self.path.write_text(
            '{"file": "vm.max_map_count", "old": "65530", "new": "70000"}\n{"file": "kernel.pid'
        )
        self.set("70000")
        self.journal().recover()
        self.assertEqual(self.host.read(MAPS), "65530")
        self.assertFalse(self.path.exists())

    def test_a_setting_that_cannot_be_restored_keeps_the_journal_open(self):
        self.killed_within()

        def refuse(*_):
            raise PermissionError(1, "Operation not permitted")

        write, self.host.write = self.host.write, refuse
        self.assertIn("not restored", self.journal().recover()[0])
        self.host.write = write
        self.assertEqual(self.journal().recover(), [f"{MAPS}: restored to 65530 (was 70000)"])

    def test_a_value_the_kernel_refuses_leaves_the_others_as_they_were(self):
        write = self.host.write

        def picky(name, value):
            if value == "never":
                raise OSError(22, "Invalid argument")
            write(name, value)

        self.host.write = picky
        with self.journal() as opened:
            with self.assertRaises(OSError):
                with opened.changed({MAPS: "70000", "transparent_hugepage": "never"}):
                    self.fail("it was refused")
            self.assertEqual(self.host.read(MAPS), "65530")

    def test_a_value_that_the_kernel_changes_is_refused_and_restored(self):
        write = self.host.write
        self.host.write = lambda name, value: write(name, value.replace("70001", "70000"))
        with self.journal() as opened:
            with self.assertRaisesRegex(OSError, "reads 70000"), opened.changed({MAPS: "70001"}):
                self.fail("it was refused")
            self.assertEqual((self.host.read(MAPS), opened.notes), ("65530", []))


class Snapshot(InFolder):
    def test_names_what_differs_and_excludes_what_the_kernel_changes(self):
        for name in ("kernel/a", "kernel/ns_last_pid", "fs/quota/lookups", "vm/b"):
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("1\n")
        before = snapshot.take(self.folder)
        self.assertEqual(set(before), {"kernel/a", "vm/b"})
        for name in ("kernel/a", "kernel/ns_last_pid"):
            (self.folder / name).write_text("2\n")
        lines = snapshot.differences(before, snapshot.take(self.folder))
        self.assertEqual(lines, ["kernel.a: 1 before, 2 after"])


class Forbidden(InFolder):
    def test_the_reason_why_none_can_be_created_is_one_line(self):
        message = "unshare: failed: Operation not permitted"
        fake = self.write(f"#!/bin/sh\necho '{message}' >&2\nexit 1\n")
        fake.rename(self.folder / "unshare").chmod(0o755)
        path = f"{self.folder}:{os.environ['PATH']}"
        with unittest.mock.patch.dict(os.environ, PATH=path):
            with self.assertRaises(namespace.NoNamespace) as raised:
                namespace.Network(namespace.Topology()).__enter__()
        line = str(raised.exception)
        self.assertNotIn("\n", line)
        for word in ("no private network namespace", "Operation not permitted", "root"):
            self.assertIn(word, line)


class Congestion(unittest.TestCase):
    VALUES = {
        namespace_settings.ALLOWED: "reno bbr",
        namespace_settings.AVAILABLE: "reno bbr cubic",
    }

    def test_reports_why_a_namespace_may_not_use_it_and_the_command_that_allows_it(self):
        with unittest.mock.patch("tuning.namespace_settings.read", self.VALUES.get):
            hint = namespace_settings.congestion_hint("cubic", PermissionError())
            self.assertIn(f'sysctl -w {namespace_settings.ALLOWED}="reno bbr cubic"', hint)
            hint = namespace_settings.congestion_hint("dctcp", FileNotFoundError())
            self.assertIn("this kernel has reno bbr cubic", hint)
            self.assertIn("tcp_dctcp", hint)
            self.assertEqual(namespace_settings.congestion_hint("reno", OSError()), "")


@in_namespaces
class Namespaces(InFolder):
    def check(self, text):
        return feasibility.check(spec.read(self.write(text), figures.FIGURES))

    def test_two_new_ones_differ_only_in_what_an_arm_sets(self):
        found = []
        for value in ("4096", "128"):
            with namespace.Network(namespace.Topology()) as network:
                network.sysctl({"net.core.somaxconn": value})
                found.append(network.sysctl(read=["*"]))
        differing = {name for name in found[0] if found[0][name] != found[1].get(name)}
        self.assertEqual(differing, {"net.core.somaxconn"})
        self.assertEqual(found[0].keys(), found[1].keys())
        self.assertGreater(len(found[0]), 100)

    def test_the_host_keeps_its_values(self):
        before = snapshot.take()
        for topology in (namespace.Topology(), namespace.Topology("veth", "100mbit")):
            with namespace.Network(topology) as network:
                values = {"net.core.somaxconn": "77", "net.ipv4.ip_local_port_range": "2000 3000"}
                read = network.sysctl(values, values)
                self.assertEqual(read, values)
        self.assertEqual(snapshot.differences(before, snapshot.take()), [])

    def test_the_hosts_own_namespace_is_never_written(self):
        order = {"write": {"net.core.somaxconn": "77"}, "read": [], "look_at": []}
        order["not_in"] = os.stat("/proc/self/ns/net").st_ino
        done = subprocess.run(
            [sys.executable, namespace.SETTINGS_PROGRAM],
            input=json.dumps(order).encode(),
            capture_output=True,
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"nothing was written", done.stderr)

    def test_a_host_wide_setting_is_refused_in_one_line(self):
        for name, value, words in (
            ("net.ipv4.tcp_mem", "1 2 3", "does not exist"),
            ("net.core.netdev_max_backlog", "77", "does not exist"),
            ("net.core.rmem_max", "77777", "is read-only|does not exist"),
            ("net.core.somaxcon", "77", "did you mean net.core.somaxconn?"),
        ):
            with self.subTest(name=name), self.assertRaisesRegex(feasibility.Refused, words):
                self.check(GOOD.replace('"net.core.somaxconn" = 128', f'"{name}" = "{value}"'))

    def test_an_arm_whose_value_the_kernel_lacks_is_infeasible_but_not_the_control(self):
        short = '"net.core.somaxconn" = 128'
        text = GOOD.replace(short, '"net.ipv4.tcp_congestion_control" = "no"')
        self.assertIn("tcp_congestion_control", self.check(text).infeasible["short"])
        text = GOOD.replace('"net.core.somaxconn" = 4096', '"net.core.somaxconn" = -4')
        with self.assertRaisesRegex(feasibility.Refused, "control 'long' is infeasible"):
            self.check(text)
        text = GOOD.replace(f"{short} }}", '"net.ipv4.not_yet" = 1 }\noptional = true')
        why = {"short": "this kernel has no net.ipv4.not_yet"}
        self.assertEqual(self.check(text).infeasible, why)

    def test_a_program_inside_dies_with_its_parent_even_by_kill_9(self):
        script = (
            "import subprocess, sys; sys.path.insert(0, sys.argv[1])\n"
            "from tuning.namespace import Network, Topology\n"
            "with Network(Topology()) as network:\n"
            "    words, quiet = [*network.server.prefix, 'sleep', '60'], subprocess.DEVNULL\n"
            "    with subprocess.Popen(words, stdout=quiet, stderr=quiet) as inside:\n"
            "        print(inside.pid, flush=True)\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", script, SOURCE / "scripts"], stdout=subprocess.PIPE
        ) as process:
            inside = int(process.stdout.readline())
            watched = os.pidfd_open(inside)
            self.addCleanup(os.close, watched)
            wait_for(lambda: is_program(inside, "sleep"))  # nsenter and setpriv have exec'd it
            process.kill()
        self.assertTrue(select.select([watched], [], [], PATIENCE)[0], "it still runs")

    def test_veth_has_the_requested_queue_at_both_ends(self):
        with namespace.Network(namespace.Topology("veth", "100mbit", "5ms", "32kb")) as network:
            for end, device in ((network.client, "client0"), (network.server, "server0")):
                text = subprocess.run(
                    [*end.enter, namespace.tool("tc"), "qdisc", "show", "dev", device],
                    capture_output=True,
                    text=True,
                ).stdout
                self.assertIn("tbf", text)
                self.assertIn("rate 100Mbit burst 32Kb lat 5ms", text)


def is_program(pid, name):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == name
    return False


def wait_for(condition):
    """Waits until the condition holds; fails after PATIENCE seconds."""
    give_up = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > give_up:
            raise AssertionError("the condition did not become true")
        time.sleep(0.01)


class Command(InFolder):
    def environment(self):
        return {**os.environ, "XDG_STATE_HOME": str(self.folder / "state")}

    def tune(self, *words, expect=0):
        done = subprocess.run(
            [TUNE, "--bin", BINARIES, *words],
            capture_output=True,
            text=True,
            env=self.environment(),
            cwd=self.folder,
            timeout=2 * PATIENCE,
        )
        self.assertEqual(done.returncode, expect, done.stderr + done.stdout)
        return done

    def start(self, *words):
        process = subprocess.Popen(
            [TUNE, "--bin", BINARIES, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=self.environment(),
            cwd=self.folder,
        )
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process


class Refusals(Command):
    def test_usage_is_one_line(self):
        self.assertIn("backlog", self.tune("--list").stdout)
        for words in ((), ("--list", "--recover"), ("backlog", "--reps", "0"), ("backlogs",)):
            line = self.tune(*words, expect=2).stderr
            self.assertEqual(line.count("\n"), 1, line)

    def test_nothing_to_recover_is_no_failure(self):
        self.assertIn("nothing to recover", self.tune("--recover").stdout)

    @unittest.skipIf(NO_PROGRAMS, NO_PROGRAMS)
    def test_host_wide_without_apply_reports_what_would_change(self):
        now = host.Host().read(MAPS)
        line = self.tune("thread-maps", expect=6).stderr
        self.assertEqual(line.count("\n"), 1)
        for word in (MAPS, f"{now} now", "16384", "--apply"):
            self.assertIn(word, line)
        self.assertEqual(host.Host().read(MAPS), now)

    @unittest.skipIf(NO_PROGRAMS, NO_PROGRAMS)
    def test_too_few_reps_are_refused_with_the_number_needed(self):
        self.assertIn("--reps 8", self.tune(self.write(GOOD), "--reps", "7", expect=2).stderr)
        words = ("--reps", "7", "--confidence", "0.95", "--dry-run")
        self.assertIn("7 blocks", self.tune(self.write(GOOD), *words).stdout)

    def test_shipped_experiments_have_enough_reps_for_a_verdict(self):
        for file in spec.presets():
            one = spec.read(file, figures.FIGURES)
            plan.check_design(one.reps, len(one.arms) - 1, plan.CONFIDENCE)


@with_programs
class Runs(Command):
    def test_a_real_run_reports_the_arms_settings_and_leaves_the_host_unchanged(self):
        before = snapshot.take()
        third = '[[arm]]\nname = "unknown"\nsysctl = {"net.ipv4.tcp_congestion_control" = "no"}\n'
        out = self.folder / "out"
        done = self.tune(self.write(GOOD + third), "--reps", "9", "--seed", "5", "--out", out)
        self.assertEqual(snapshot.differences(before, snapshot.take()), [])
        document = json.loads((out / "experiment.json").read_text())
        runs = [json.loads(line) for line in (out / "runs.jsonl").read_text().splitlines()]
        outcomes = [(run["cell"]["arm"], run["outcome"]) for run in runs]
        self.assertEqual(outcomes.count(("long", "measured")), 9, runs)
        self.assertEqual(outcomes.count(("short", "measured")), 9)
        self.assertEqual(outcomes.count(("unknown", "infeasible")), 1)
        self.assertEqual((document["kind"], document["status"]), ("tune", "complete"))
        findings = {one["name"]: one for one in document["findings"]}
        rows = {row[0]: row[1:] for row in findings["settings"]["data"]["rows"]}
        host_value = results_text.host_value("net.core.somaxconn", {})
        self.assertEqual(rows["net.core.somaxconn"][0], host_value)
        self.assertEqual(rows["net.core.somaxconn"][2:], ["4096", "128", None])
        self.assertIn("the same value before and after", findings["host"]["text"])
        self.assertIn("ramp", done.stdout)
        for run in runs:
            if run["outcome"] == "measured":
                self.assertIn("--pdeathsig", run["server"])
                self.assertEqual(run["figures"]["served"], 50)
        self.check_schema(document, runs)

    def check_schema(self, document, runs):
        try:
            import jsonschema
        except ImportError:
            return  # without the tests' packages, the other checks remain
        schema = json.loads((SOURCE / "docs" / "schema" / "experiment.json").read_text())
        jsonschema.validate(document, schema)
        for run in runs:
            jsonschema.validate(run, schema["$defs"]["run"] | {"$defs": schema["$defs"]})

    def test_a_signal_ends_it_and_keeps_measured_runs(self):
        text = GOOD.replace('"-n", "50"', '"-n", "50", "-d", "60s"')
        for number in (signal.SIGTERM, signal.SIGHUP):
            out = self.folder / number.name
            process = self.start(self.write(text), "--out", out)
            self.assertIn(b"run 1 of", process.stderr.readline())
            process.send_signal(number)
            self.assertEqual(process.wait(PATIENCE), 128 + number)
            document = json.loads((out / "experiment.json").read_text())
            self.assertEqual(document["status"], "interrupted")

    def test_resumes_after_the_time_limit_and_keeps_what_was_read_back(self):
        file, out = self.write(GOOD), self.folder / "out"
        self.tune(file, "--reps", "8", "--time", "2s", "--out", out, expect=1)
        first = len((out / "runs.jsonl").read_text().splitlines())
        self.assertIn(first, range(1, 16))
        self.tune(file, "--reps", "8", "--out", out)
        self.assertEqual(len((out / "runs.jsonl").read_text().splitlines()), 16)
        document = json.loads((out / "experiment.json").read_text())
        names = [one["name"] for one in document["findings"]]
        self.assertEqual(names, ["settings", "arms", "host"])
        read_back = results_text.read_settings(document["findings"])
        self.assertEqual(read_back["long"]["net.core.somaxconn"], "4096")
        self.assertEqual(read_back["short"]["net.core.somaxconn"], "128")

    @as_root
    def test_host_settings_survive_signals_and_kill_9_with_recover(self):
        machine = host.Host()
        old = machine.read(MAPS)
        new = str(int(old) + 1)
        self.addCleanup(lambda: machine.read(MAPS) == new and machine.write(MAPS, old))
        text = GOOD.replace('"-n", "50"', '"-n", "50", "-d", "60s"')
        for value in ("4096", "128"):  # both, so that the first arm changes it in either order
            text = text.replace(
                f'sysctl = {{ "net.core.somaxconn" = {value} }}',
                f'sysctl = {{ "net.core.somaxconn" = {value} }}\nhost = {{ "{MAPS}" = {new} }}',
            )
        file, before = self.write(text), snapshot.take()
        for number in (signal.SIGINT, signal.SIGKILL):
            process = self.start(file, "--apply", "--out", self.folder / number.name)
            wait_for(lambda: machine.read(MAPS) == new)
            self.assertIn("is running", self.tune(file, "--apply", expect=6).stderr)
            process.send_signal(number)
            process.wait(PATIENCE)
            if number == signal.SIGKILL:
                self.assertEqual(machine.read(MAPS), new)
                self.assertIn("--recover", self.tune(file, "--apply", expect=6).stderr)
                self.assertIn(f"{MAPS}: restored to {old}", self.tune("--recover").stdout)
            self.assertEqual(snapshot.differences(before, snapshot.take()), [])
            self.assertFalse((self.folder / "results").exists(), "a refused run left a folder")


if __name__ == "__main__":
    unittest.main()
