"""Runs the examples of the manuals as they are printed, in a folder and a network of their own.

    run_all(quick=True)      those of at most some seconds; the others: quick=False

With a word on the command line, only the examples in which it occurs: `examples_test.py false-alarms`.
RULES says what an example needs: a server on the default port, files, a shorter variant. An example
without a rule is run as it is and has to end with 0.
"""

import dataclasses
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import installed
from installed import SOURCE, expect, skip

PORT = 1234  # the default of client and servers
INSIDE = "--in-own-network"
ESCAPES = {r"\-": "-", r"\(aq": "'", r"\(ha": "^", r"\(ti": "~", r"\&": "", r"\e": "\\"}
DESCRIPTORS = 10_100


@dataclasses.dataclass(frozen=True)
class Rule:
    """How to run the examples that match `pattern`."""

    pattern: str
    quick: bool = False
    codes: tuple = (0,)
    server: bool = False  # needs one on the default port
    serves: bool = False  # is a server, and runs until it is stopped
    files: tuple = ()  # functions that make what it reads
    more: str = ""  # appended: what bounds it


# ---- files that examples read --------------------------------------------------------------------
def two_client_documents(folder):
    for name in ("A", "B"):
        load(folder, "-n", "10", "--json", f"{name}.json")


def documents_of_a_run(folder):
    """client.json and server.json; ends the server, which writes its document then."""
    server = start_server(folder, "--json", "server.json")
    load(folder, "-n", "10", "--mode", "stream", "-d", "0.2", "--json", "client.json")
    stop(server)


def fleet_document(folder):
    command(folder, "fleet", "--ranks", "2", "--json", "fleet.json", "--", "-n", "10")


def results_stacks(folder):
    """Those of an experiment that is in the tree, under the name that the examples use."""
    shutil.copytree(SOURCE / "docs" / "results" / "2026-11-25-backlog", folder / "results" / "stacks")


def results_of_two_days(folder):
    for name in ("monday", "tuesday"):
        words = "sweep --factor n=10,20 --reps 2 --confidence 0.5 --seconds 0.1 --warm-up 0 --seed 1".split()
        command(folder, *words, "--out", f"results/{name}")


def results_all(folder):
    shutil.copytree(SOURCE / "docs" / "results" / "2026-11-26-two-cores", folder / "results" / "all")
    (folder / "tables.md").write_text("<!-- compare-models -->\n<!-- /compare-models -->\n")


def answer(folder):
    shutil.copy(SOURCE / "docs" / "results" / "answer.json", folder)


def own_experiment(folder):
    shutil.copy(SOURCE / "scripts" / "experiments" / "backlog.toml", folder / "mine.toml")


def another_build(folder):
    target = folder.parent / "other" / "build"
    target.mkdir(parents=True)
    (target / "bin").symlink_to(installed.BIN.resolve())


def own_server(folder):
    path = folder / "path" / "my_server"
    path.write_text('#!/bin/sh\nfor port; do :; done\nexec echo-testbed echo_async --port "$port"\n')
    path.chmod(0o755)


#: The first that matches applies.
RULES = (
    Rule(r"^ulimit .* & ", quick=True),
    Rule(r" --(help|version|list-models|list)$", quick=True),
    Rule(r"^echo-testbed limits ", quick=True, codes=(0, 3)),
    Rule(r"^echo-testbed client merge ", quick=True, server=True, files=(two_client_documents,)),
    Rule(r"^echo-testbed client -n 10000$", quick=True, server=True),
    Rule(r"^echo-testbed client ", server=True),
    Rule(r"^echo-testbed echo_(threads|async) ", quick=True, serves=True),
    Rule(r"^echo-testbed demo --from ", quick=True, files=(answer,)),
    Rule(r"^echo-testbed sweep .*--dry-run$", quick=True),
    Rule(r"^echo-testbed sweep .*my_server", files=(own_server,), more="--seconds 0.1 --warm-up 0.1"),
    Rule(r"^echo-testbed sweep ", more="--seconds 0.1 --warm-up 0.1"),
    Rule(r"^echo-testbed compare .*/other/", files=(another_build,), more="--pairs 8"),
    Rule(r"^echo-testbed compare .*my_server", files=(own_server,), more="--pairs 8"),
    Rule(r"^echo-testbed compare results/", files=(results_of_two_days,)),
    Rule(r"^echo-testbed compare .*--time ", more="--time 15s"),
    Rule(r"^echo-testbed compare ", more="--pairs 8"),
    Rule(r"^echo-testbed compare-models --from .* --into ", quick=True, files=(results_all,)),
    Rule(r"^echo-testbed compare-models --from ", quick=True, files=(results_all,)),
    Rule(r"^echo-testbed compare-models", more="--time 20s", codes=(0, 1)),
    Rule(r"^echo-testbed stack-sweep", more="--time 20s", codes=(0, 1)),
    # It would change the machine on which the tests run.
    Rule(r"^echo-testbed tune .*--apply", more="--dry-run"),
    Rule(r"^echo-testbed tune --recover$", quick=True),
    Rule(r"^echo-testbed tune mine.toml ", files=(own_experiment,), more="--time 20s", codes=(0, 1)),
    Rule(r"^echo-testbed tune ", more="--time 20s", codes=(0, 1)),
    Rule(r"^echo-testbed report client.json ", quick=True, files=(documents_of_a_run,)),
    Rule(r"^echo-testbed report fleet.json", quick=True, server=True, files=(fleet_document,)),
    Rule(r"^echo-testbed report ", quick=True, files=(results_stacks,)),
    Rule(r"^echo-testbed false-alarms ", more="--comparisons 1 --pairs 8 --tries 1 --try-time 10s --time 60s",
         codes=(0, 1)),
    # Without the setting of --tuned, as in a network namespace, it ends with 3.
    Rule(r"^echo-testbed threads .*--apply", more="--dry-run", quick=True, codes=(0, 3)),
    Rule(r"^echo-testbed threads --recover$", quick=True),
    Rule(r"^echo-testbed (million|threads)", more="-n 50 --hold 3s"),
    # No hosts are there: the launcher is missing, or reaches none.
    Rule(r"^echo-testbed fleet --(hosts|mpi) ", quick=True, codes=(3, 4)),
    Rule(r"^echo-testbed fleet --ranks ", server=True),
    Rule(r"^echo-testbed growth", more="--up-to 50 --seconds 0.5"),
    Rule(r"^echo-testbed bench ", more="--pairs 1 -n 10 --seconds 0.1 --warm-up 0.1 --no-counts", codes=(0, 1)),
)  # fmt: skip


# ---- the pages -----------------------------------------------------------------------------------
def all_examples():
    """(page, command) of each example, in order, each command once."""
    found = {}
    for path in sorted(installed.MANUALS.glob("*.1")):
        examples = path.read_text().partition("\n.SH EXAMPLES\n")[2].partition("\n.SH ")[0]
        for text in re.findall(r"^\.EX\n(.*?)\n\.EE$", examples, re.M | re.S):
            shown = re.sub(r"\\(?:-|\(aq|\(ha|\(ti|&|e)", lambda match: ESCAPES[match[0]], text)
            found.setdefault(shown, path.name)
    return [(page, shown) for shown, page in found.items()]


def rule_of(shown):
    return next((rule for rule in RULES if re.search(rule.pattern, shown)), Rule(""))


# ---- running them --------------------------------------------------------------------------------
def load(folder, *words):
    """A client that has to pass."""
    return command(folder, "client", *words)


def command(folder, *words):
    done = shell(folder, " ".join(["echo-testbed", *words]))
    expect(done.returncode == 0, f"{words} ends with 0, not {done.returncode}:\n{done.stdout}")


def environment(folder):
    path = f"{folder / 'path'}:{PREFIX / 'bin'}:{os.environ['PATH']}"
    return os.environ | {"PATH": path, "XDG_STATE_HOME": str(folder / "state"), "HOME": str(folder)}


def shell(folder, text, timeout=600):
    # `timeout` leads its own process group and ends all of it.
    guarded = f"trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n{text}\n"
    return subprocess.run(
        ["timeout", "--kill-after=10", str(timeout), "bash", "-c", guarded], cwd=folder,
        env=environment(folder), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=timeout + 30,
    )  # fmt: skip


def start_server(folder, *words):
    return started(folder, f"exec echo-testbed echo_async {' '.join(words)}")


def started(folder, text):
    """A server in a shell that it replaces, once it listens."""
    process = subprocess.Popen(
        ["bash", "-c", text], cwd=folder, env=environment(folder), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in process.stderr:
        if "listening" in line:
            return process
    process.wait()
    sys.exit(f"FAILED: {text}: ended with {process.returncode} and did not listen")


def stop(process):
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    expect(process.returncode == 0, f"{process.args}: a stopped server ends with 0")


def run_one(page, shown, rule):
    with tempfile.TemporaryDirectory() as outer:
        folder = pathlib.Path(outer) / "work"
        (folder / "path").mkdir(parents=True)
        began = time.monotonic()
        if rule.serves:
            stop(started(folder, f"exec {shown}"))
            code = 0
        else:
            server = start_server(folder) if rule.server else None
            for make in rule.files:
                make(folder)
            done = shell(folder, f"{shown} {rule.more}")
            code = done.returncode
            if server:
                stop(server)
            expect(code in rule.codes, f"{page}: `{shown}` ends with {rule.codes}, not {code}:\n{done.stdout}")
            # Exit 1 of a shortened run: not a fault that nobody expected.
            expect("internal error" not in done.stdout, f"{page}: `{shown}`:\n{done.stdout}")
        added = f" (with {rule.more})" if rule.more else ""
        print(f"{time.monotonic() - began:5.1f} s  exit {code}  {shown}{added}", flush=True)


def run_all(quick):
    global PREFIX
    into_own_network()
    PREFIX = installed.install()
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    found = all_examples()
    expect(len(found) > 40, f"the manuals have examples: {len(found)}")
    for rule in RULES:
        used = any(rule_of(shown) is rule for _, shown in found)
        expect(used, f"an example has the rule {rule.pattern}")
    words = [word for word in sys.argv[1:] if word != INSIDE]
    chosen = [each for each in found if rule_of(each[1]).quick == quick]
    chosen = [each for each in chosen if all(word in each[1] for word in words)]
    for page, shown in chosen:
        run_one(page, shown, rule_of(shown))
    print(f"{len(chosen)} of {len(found)} examples ran")


def into_own_network():
    """Executes this again in a network namespace; without the permission, the default port must be free."""
    if INSIDE in sys.argv:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=30)
        return
    enter = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    if shutil.which("ip") and shutil.which("unshare"):
        if subprocess.run([*enter, "true"], capture_output=True, timeout=30).returncode == 0:
            os.execvp(enter[0], [*enter, sys.executable, *sys.argv, INSIDE])
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            skip(f"no network namespace, and something uses port {PORT}, the default of the examples")


PREFIX = None
