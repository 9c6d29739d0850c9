#!/usr/bin/python3
"""scripts/fleet with four network namespaces as hosts, entered by `ip netns exec`, whose clocks are
seconds apart (time_namespaces(7)); as this user, and as one without privilege.

The test starts itself again in namespaces of its own, so that nothing is left behind. There a bridge
joins the hosts h1 to h4 at 10.78.0.1 to .4; server and parent are at the bridge, 10.78.0.254.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import BIN, SOURCE, Server, expect, skip  # noqa: E402

INSIDE = "TESTBED_FLEET_HOSTS"
NETWORK, HEAD = "10.78.0", "10.78.0.254"
HOSTS = ("h1", "h2", "h3", "h4")
#: Seconds by which the clock of each is ahead.
AHEAD = {"h1": 0, "h2": 1000, "h3": -3, "h4": 123456}
PATIENCE = 90


def enter(user):
    """Starts this test again in namespaces, as this user or as nobody. Returns its exit code."""
    words = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--"]
    if os.geteuid() != 0 or user == "nobody":
        words[1:1] = ["--user", "--map-root-user"]
    if os.geteuid() == 0 and user == "nobody":
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *words]
    if subprocess.run([*words, "true"], capture_output=True, timeout=30).returncode:
        print(f"skipped: namespaces are refused to {user}: {' '.join(words)}")
        return 77
    environment = {**os.environ, INSIDE: user, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([*words, "/usr/bin/python3", __file__], env=environment).returncode


def build(folder):
    """The hosts, and the launcher that sets their clocks."""
    commands = [
        "mount -t tmpfs tmpfs /run", "mkdir /run/netns", "ip link set lo up",
        "ip link add switch type bridge", f"ip addr add {HEAD}/24 dev switch", "ip link set switch up",
    ]  # fmt: skip
    for number, host in enumerate(HOSTS, 1):
        commands += [
            f"ip netns add {host}", f"ip link add {host} type veth peer name eth0 netns {host}",
            f"ip link set {host} master switch up", f"ip -n {host} addr add {NETWORK}.{number}/24 dev eth0",
            f"ip -n {host} link set eth0 up", f"ip -n {host} link set lo up",
        ]  # fmt: skip
    for command in commands:
        done = subprocess.run(command.split(), capture_output=True, text=True, timeout=30)
        if done.returncode:
            skip(f"{command}: {done.stderr.strip()}")
    cases = "\n".join(f"{host}) ahead={ahead};;" for host, ahead in AHEAD.items())
    launcher = folder / "enter"
    launcher.write_text(
        f"#!/bin/sh\ncase $1 in\n{cases}\nesac\nhost=$1; shift\n"
        'exec ip netns exec "$host" unshare --time --monotonic "$ahead" --fork --kill-child "$@"\n'
    )
    launcher.chmod(0o755)
    return launcher


class Fleet:
    """scripts/fleet on the four hosts; `words`: those of the client."""

    def __init__(self, folder, launcher, port, *words, options=()):
        self.json, self.out = folder / "fleet.json", folder / "out"
        self.process = subprocess.Popen(
            [
                SOURCE / "scripts/fleet", "--bin", BIN, "--hosts", ",".join(HOSTS),
                "--launch", f"{launcher} {{host}}", "--json", self.json, "--out", self.out,
                "--progress", "always", *map(str, options), "--",
                "--allow-remote", f"{NETWORK}.0/24", *words, f"{HEAD}:{port}",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def wait_for(self, text):
        for line in self.process.stderr:
            if text in line:
                return
        sys.exit(f"FAILED: no {text!r} on stderr")

    def end(self, code):
        out, errors = self.process.communicate(timeout=PATIENCE)
        expect(self.process.returncode == code, f"exit {code}, not {self.process.returncode}:\n{out}{errors}")
        self.document = json.loads(self.json.read_text())
        self.ranks = {
            int(path.stem.rpartition("-")[2]): json.loads(path.read_text())
            for path in self.out.glob("rank-*.json")
        }
        for path in self.out.glob("*"):
            path.unlink()
        return out


def clocks_are_found_within_their_bounds(ranks):
    for number, host in enumerate(HOSTS):
        for when in ("clock_before", "clock_after"):
            clock = ranks[number]["rank"][when]
            error = abs(clock["offset_ns"] - AHEAD[host] * 10**9)
            expect(error <= clock["bound_ns"], f"{host}, {when}: {error} ns wrong, at most {clock}")
            expect(clock["bound_ns"] < 20_000_000, f"{host}, {when}: the bound is small: {clock}")


def traffic_begins_together(ranks):
    due = [one["rank"]["traffic"]["due_ns"] - one["rank"]["clock_before"]["offset_ns"] for one in ranks.values()]
    late = [one["rank"]["traffic"]["begun_ns"] - one["rank"]["traffic"]["due_ns"] for one in ranks.values()]
    expect(max(due) == min(due), f"one time for all: {due}")
    expect(min(late) >= 0, f"nobody begins before it: {late}")
    print(f"traffic began {max(late) / 1e6:.2f} ms late at most, of a common time")


def whole_load(folder, launcher, server):
    fleet = Fleet(
        folder, launcher, server.port, "-n", "1002", "--mode", "stream", "-d", "2", "-R", "2000",
        options=("--server-via", "env", "--server-pid", server.process.pid),
    )  # fmt: skip
    out = fleet.end(0)
    expect(sorted(fleet.ranks) == [0, 1, 2, 3], f"a document of each: {sorted(fleet.ranks)}")
    shares = [fleet.ranks[number]["connections"]["requested"] for number in range(4)]
    expect(shares == [251, 251, 250, 250], f"1002 connections in four: {shares}")
    expect(fleet.document["connections"]["served"] == 1002, "all are served")
    clocks_are_found_within_their_bounds(fleet.ranks)
    traffic_begins_together(fleet.ranks)
    watched = fleet.document["server"]
    expect(watched["cpu_ns_per_echo"] and watched["cpu_ns_per_echo"] > 100, f"the server's CPU: {watched}")
    expect(watched["resident"] and watched["samples"] > 5, f"the server's memory: {watched}")
    expect("per echo, resident" in out, out)


def a_host_that_dies(folder, launcher, server):
    fleet = Fleet(folder, launcher, server.port, "-n", "400", "--mode", "stream", "-d", "4", "-R", "400")
    fleet.wait_for("echo: 4 ranks")
    pid = client_of("2/4")
    os.kill(pid, signal.SIGKILL)
    out = fleet.end(1)
    expect(sorted(fleet.ranks) == [0, 1, 3], f"three documents: {sorted(fleet.ranks)}")
    for number, one in fleet.ranks.items():
        expect(one["exit_code"] == 0, f"rank {number} goes on")
    missing = [(one["rank"], one["host"]) for one in fleet.document["missing"]]
    expect(missing == [(2, "h3")] and "rank 2 (h3) is missing" in out, f"{missing}\n{out}")


def a_link_that_is_cut(folder, launcher, server):
    """The load of h3 stands still; its results come over the launcher's pipe, which is not the link."""
    fleet = Fleet(
        folder, launcher, server.port, "-n", "400", "--mode", "stream", "-d", "3", "-R", "4000", "--timeout", "1s"
    )
    fleet.wait_for("echo: 4 ranks")
    subprocess.run(["ip", "link", "set", "h3", "down"], check=True, timeout=10)
    try:
        out = fleet.end(1)
    finally:
        subprocess.run(["ip", "link", "set", "h3", "up"], check=True, timeout=10)
    expect(sorted(fleet.ranks) == [0, 1, 2, 3], f"a document of each: {sorted(fleet.ranks)}")
    failed = [fleet.ranks[number]["connections"]["failed"] for number in range(4)]
    expect(failed[2].get("timeout") == 100, f"the connections of h3 timed out: {failed}")
    expect(not any(failed[number].get("timeout") for number in (0, 1, 3)), f"no others: {failed}")
    expect(fleet.ranks[2]["echoes"]["verified"] > 0, "what it had measured is there")
    expect("100 of" in out or "timeout" in out, out)


def a_signal(folder, launcher, server):
    fleet = Fleet(folder, launcher, server.port, "-n", "400", "--mode", "stream", "-d", "60")
    fleet.wait_for("echo: 4 ranks")
    fleet.process.send_signal(signal.SIGINT)
    began = time.monotonic()
    fleet.end(130)
    expect(len(fleet.ranks) == 4, f"a document of each: {sorted(fleet.ranks)}")
    expect(time.monotonic() - began < 30, "it ends soon")


def client_of(share):
    """The client that has this share."""
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"/client") and share.encode() in words:
            return int(path.parent.name)
    return sys.exit(f"FAILED: no client has the share {share}")


def inside():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        launcher = build(folder)
        words = ("--bind", HEAD, "--allow-public", "--model", "nested-epoll")
        with Server("echo_async", *words) as server:
            for test in (whole_load, a_host_that_dies, a_signal, a_link_that_is_cut):
                began = time.monotonic()
                test(folder, launcher, server)
                print(f"{os.environ[INSIDE]}: {test.__name__}: {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    if os.environ.get(INSIDE):
        inside()
        sys.exit()
    codes = [enter(user) for user in (["root", "nobody"] if os.geteuid() == 0 else ["this user"])]
    sys.exit(next((code for code in codes if code not in (0, 77)), 77 if 77 in codes and 0 not in codes else 0))
