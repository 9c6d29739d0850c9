#!/usr/bin/python3
"""client-mpi on four namespaces as hosts, when ranks are killed and when signals come.

Whatever ends it: it is told, in time, and every rank that measured leaves a complete document on its host.

- Rank 2 is killed before the start, in the ramp, in the traffic, and when it has written its document; rank 0 in the
  traffic. With Open MPI also under --continuous, where the other ranks go on to their end.
- mpirun gets SIGINT once, SIGINT twice, SIGTERM and SIGUSR1; with Open MPI it is killed.
- scripts/fleet starts mpirun: one rank gets SIGTERM; the parent gets SIGINT; the fleet has one rank.

    client_mpi_faults_test.py [openmpi|mpich]...
"""

import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from mpi_hosts import (HEAD, Hosts, enter_namespaces, expect, implementations, ranks_of,  # noqa: E402
                       read_document, wait_for_ranks)
from processes import BIN, SOURCE, Server  # noqa: E402

RANKS = 4
CONNECTIONS = 800
RAMP, TRAFFIC, DEADLINE = 1, 2, 8  # seconds
LOAD = ("-n", CONNECTIONS, "--connect-rate", CONNECTIONS // RAMP, "--mode", "stream", "-d", TRAFFIC,
        "--deadline", f"{DEADLINE}s", "--allow-remote", "10.77.0.0/24", "--interval", "50ms")
#: Hydra kills all ranks with SIGKILL when one dies, unless it is told not to.
TO_SURVIVE = {"openmpi": (), "mpich": ("-disable-auto-cleanup",)}
#: From a kill or a signal to the end: mpirun waits a second for each host, twice; MPI_Finalize() has three.
IN_TIME = 6
PATIENCE = 30


class Run:
    """client-mpi with its documents and series in a folder of its own."""

    def __init__(self, hosts, port, implementation, launcher=(), more=()):
        self.hosts = hosts
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=hosts.folder))
        self.name = f"{implementation} {' '.join(launcher)}".strip()
        self.process = self.start(implementation, [f"{HEAD}:{port}", *LOAD, "--json", self.folder / "out.json",
                                                   "--series", self.folder / "s.jsonl", *more], launcher)
        self.ranks = wait_for_ranks(hosts)

    def start(self, implementation, words, launcher):
        return self.hosts.start(implementation, *words, launcher=launcher)

    def wait_for(self, what, happens):
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if happens():
                return
            time.sleep(0.01)
        self.process.kill()
        expect(False, f"{self.name}: {what} within {PATIENCE} s\n{self.process.communicate()}")

    def wait_for_phase(self, phase):
        series = self.folder / "s.2.jsonl"
        self.wait_for(f"phase {phase}", lambda: series.exists() and f'"phase":"{phase}"' in series.read_text())

    def wait_for_document(self, rank):
        self.wait_for(f"the document of rank {rank}", (self.folder / f"out.{rank}.json").exists)

    def end(self, within=None):
        # Hydra may let the others go on: then rank 0 waits for the dead one until the deadline.
        within = within or (IN_TIME if self.name.startswith("openmpi") else DEADLINE + 1)
        began = time.monotonic()
        try:
            out, error = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            left = ranks_of(self.hosts)
            self.process.kill()
            out, error = self.process.communicate()
            expect(False, f"{self.name} ends within {PATIENCE} s; left: {left}\n{out}\n{error}")
        self.took = time.monotonic() - began
        self.text = f"{self.name}: exit code {self.process.returncode} after {self.took:.1f} s\n{out}{error}"
        print(self.text.splitlines()[0], flush=True)
        expect(self.took <= within, f"ends within {within} s: {self.text}")

    def document(self, rank=None):
        path = self.folder / ("out.json" if rank is None else f"out.{rank}.json")
        return read_document(path) if path.exists() else None

    def expect_documents(self, ranks):
        for rank in ranks:
            document = self.document(rank)
            expect(document is not None, f"rank {rank} leaves its document: {self.text}")
            expect(document["connections"]["requested"] == CONNECTIONS // RANKS, f"it is complete: {self.text}")
        print("  documents:", *(self.document(rank)["status"] for rank in ranks), flush=True)


class Parent(Run):
    """scripts/fleet, which starts mpirun."""

    def start(self, implementation, words, launcher):
        return self.fleet(implementation, words, self.hosts.launcher(implementation, *launcher))

    def fleet(self, implementation, words, mpirun):
        program, _ = implementations()[implementation]
        self.json = self.folder / "fleet.json"
        words = [SOURCE / "scripts/fleet", "--bin", BIN, "--client", program, "--mpi", shlex.join(mpirun),
                 "--json", self.json, "--", *words]
        return subprocess.Popen(
            list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
            cwd=self.folder, env={**os.environ, "UCX_TLS": "tcp,self", "TMPDIR": str(self.hosts.folder)})

    def expect_end(self, code, ranks=RANKS):
        """Open MPI crashes if it gets SIGTERM while it ends its ranks, which takes it two seconds."""
        self.end(within=DEADLINE + IN_TIME)
        expect(self.process.returncode == code, f"exit {code}: {self.text}")
        expect(len(read_document(self.json)["merged_from"]) == ranks, f"{ranks} ranks: {self.text}")
        expect("Segmentation" not in self.text and "Traceback" not in self.text, f"mpirun ends itself: {self.text}")


def end_a_rank_of_a_parent(hosts, port, implementation):
    """Without --continuous Open MPI kills the others, and forwards 12 KiB at most of what each wrote then."""
    run = Parent(hosts, port, implementation, TO_SURVIVE[implementation] or ("--continuous",))
    run.wait_for_phase("echo")
    os.kill(run.ranks["h3"], signal.SIGTERM)
    run.expect_end(1)


def interrupt_a_parent(hosts, port, implementation):
    run = Parent(hosts, port, implementation, TO_SURVIVE[implementation])
    run.wait_for_phase("echo")
    run.process.send_signal(signal.SIGINT)
    run.expect_end(130)


def lead_one_rank(hosts, port, implementation):
    """One rank alone is a client, and has frames for a parent all the same."""
    run = Parent.__new__(Parent)
    run.hosts, run.name = hosts, f"{implementation}, one rank"
    run.folder = pathlib.Path(tempfile.mkdtemp(dir=hosts.folder))
    root = ["--allow-run-as-root"] if implementation == "openmpi" else []
    _, mpirun = implementations()[implementation]
    run.process = run.fleet(implementation, [f"{HEAD}:{port}", *LOAD], [mpirun, *root, "-np", "1"])
    run.expect_end(0, 1)


def kill_before_the_start(hosts, port, implementation):
    at = time.time() + 3
    run = Run(hosts, port, implementation, TO_SURVIVE[implementation], ("--start-at", f"@{at:.3f}"))
    time.sleep(1)  # MPI has started
    os.kill(run.ranks["h3"], signal.SIGKILL)
    # Where the launcher goes on, rank 0 waits for its verdict until the deadline.
    run.end(within=DEADLINE + IN_TIME)
    expect(run.process.returncode != 0, f"before the start: {run.text}")
    expect(run.document() is None, f"nothing was measured: {run.text}")


def interrupt_the_start_of_mpi(hosts, port, implementation):
    """MPI_Init() waits for a rank that is gone, or not there yet: a signal ends that."""
    run = Run(hosts, port, implementation, TO_SURVIVE[implementation])
    os.kill(run.ranks["h3"], signal.SIGSTOP)
    time.sleep(0.5)
    run.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    os.kill(run.ranks["h3"], signal.SIGCONT)
    run.end()
    expect(run.document() is None, f"nothing was measured: {run.text}")


def kill_in_a_phase(hosts, port, implementation, phase):
    run = Run(hosts, port, implementation, TO_SURVIVE[implementation])
    run.wait_for_phase(phase)
    os.kill(run.ranks["h3"], signal.SIGKILL)
    run.end()
    expect(run.process.returncode != 0, f"{phase}: {run.text}")
    run.expect_documents((0, 1, 3))


def kill_after_its_document(hosts, port, implementation):
    run = Run(hosts, port, implementation, TO_SURVIVE[implementation])
    run.wait_for_document(2)
    try:
        os.kill(run.ranks["h3"], signal.SIGKILL)
    except ProcessLookupError:
        pass  # it was quicker
    run.end(within=DEADLINE + IN_TIME)
    run.expect_documents(range(RANKS))
    expect(run.document(2)["status"] == "pass", f"it had measured all: {run.text}")


def stop_the_launcher(hosts, port, implementation):
    """It is to end the ranks where one is missing. Rank 0 does not wait for it for ever."""
    run = Run(hosts, port, implementation, TO_SURVIVE[implementation])
    run.wait_for_phase("echo")
    run.process.send_signal(signal.SIGSTOP)
    os.kill(run.ranks["h3"], signal.SIGKILL)
    until = time.monotonic() + DEADLINE + IN_TIME + 5
    while "h1" in ranks_of(hosts) and time.monotonic() < until:
        time.sleep(0.1)
    left = ranks_of(hosts)
    run.process.send_signal(signal.SIGCONT)
    run.end()
    expect("h1" not in left, f"rank 0 ends although its launcher is stopped: {left}")
    run.expect_documents((0, 1, 3))


def kill_rank_0(hosts, port, implementation):
    run = Run(hosts, port, implementation, TO_SURVIVE[implementation])
    run.wait_for_phase("echo")
    os.kill(run.ranks["h1"], signal.SIGKILL)
    # Where the launcher goes on, the others wait for rank 0 until the deadline and a second.
    run.end(within=DEADLINE + IN_TIME)
    expect(run.process.returncode != 0, f"rank 0: {run.text}")
    run.expect_documents((1, 2, 3))


def kill_and_go_on(hosts, port, phase):
    """Open MPI's --continuous: all but the dead one measure to their end, and rank 0 names it."""
    run = Run(hosts, port, "openmpi", ("--continuous",))
    run.wait_for_phase(phase)
    os.kill(run.ranks["h3"], signal.SIGKILL)
    # In the ramp it is waited for as long again and 10 s, at most until the deadline.
    run.end(within=DEADLINE + IN_TIME)
    run.expect_documents((0, 1, 3))
    merged = run.document()
    expect(merged is not None, f"rank 0 merges what came: {run.text}")
    expect("rank 2 (h3) is missing" in json.dumps(merged["warnings"]), f"it is named: {merged['warnings']}")
    if phase == "echo":
        # In the ramp the deadline leaves no time to wait for results.
        expect("waiting for the results of rank 2 on h3" in run.text, f"it is told meanwhile: {run.text}")
        expect(merged["exit_code"] == 1, f"the code is 1, not {merged['exit_code']}: {run.text}")
        expect([run.document(rank)["status"] for rank in (0, 1, 3)] == ["pass"] * 3, f"they go on: {run.text}")


def send(hosts, port, implementation, signals, merged_code):
    run = Run(hosts, port, implementation)
    run.wait_for_phase("echo")
    for number in signals:
        run.process.send_signal(number)
        time.sleep(0.1)
    run.end()
    run.expect_documents(range(RANKS))
    if merged_code:
        merged = run.document()
        expect(merged is not None and merged["exit_code"] in merged_code, f"{signals}: merged: {run.text}")
        expect(merged["connections"]["requested"] == CONNECTIONS, f"{signals}: of all ranks: {run.text}")


def main():
    enter_namespaces()
    with tempfile.TemporaryDirectory() as name:
        hosts = Hosts(name, RANKS)
        with Server("echo_async", "--bind", HEAD, "--allow-public", descriptors=4 * CONNECTIONS) as server:
            port = server.port
            for implementation in sys.argv[1:] or implementations():
                interrupt_the_start_of_mpi(hosts, port, implementation)
                kill_before_the_start(hosts, port, implementation)
                kill_in_a_phase(hosts, port, implementation, "connect")
                kill_in_a_phase(hosts, port, implementation, "echo")
                kill_after_its_document(hosts, port, implementation)
                kill_rank_0(hosts, port, implementation)
                stop_the_launcher(hosts, port, implementation)
                send(hosts, port, implementation, [signal.SIGINT], (130, 143))
                send(hosts, port, implementation, [signal.SIGINT, signal.SIGINT], None)
                send(hosts, port, implementation, [signal.SIGTERM], (143,))
                send(hosts, port, implementation, [signal.SIGUSR1], (143,))
                end_a_rank_of_a_parent(hosts, port, implementation)
                interrupt_a_parent(hosts, port, implementation)
                lead_one_rank(hosts, port, implementation)
            if "openmpi" in (sys.argv[1:] or implementations()):
                kill_and_go_on(hosts, port, "connect")
                kill_and_go_on(hosts, port, "echo")
                send(hosts, port, "openmpi", [signal.SIGKILL], None)


main()
