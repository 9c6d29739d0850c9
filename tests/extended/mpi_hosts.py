"""Network namespaces as hosts for the tests of client-mpi: the same as four machines and a switch.

The test starts itself again in namespaces of its own (network, mounts, host name; of an ordinary user with a user
namespace), so that nothing is left behind when it ends. There a bridge joins the hosts h1, h2, ... at 10.77.0.1, ..., each
with an end of a veth pair, a host name, and, where wanted, a clock that is ahead. mpirun and the server are at the bridge,
10.77.0.254. What the remote shell is elsewhere is here a script that enters a host.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import BIN, expect, skip  # noqa: E402

NETWORK = "10.77.0"
HEAD = f"{NETWORK}.254"
INSIDE = "TESTBED_MPI_HOSTS"
LONGEST_RUN = 120  # seconds

#: Enters host $1, whose number is the end of its address; hydra puts -x before it.
AGENT = """#!/bin/bash
if [[ $1 == -x ]]; then shift; fi
host=h${1##*.}
shift
read -r ahead 2>/dev/null <"$(dirname "$0")/ahead.$host" || ahead=0
clock=()
if ((ahead)); then clock=(unshare --time --monotonic "$ahead" --fork --kill-child); fi
exec nsenter --net=/run/netns/"$host" unshare --uts "${clock[@]}" bash -c 'hostname "$0"; eval "$@"' "$host" "$@"
"""


def enter_namespaces(as_nobody=False):
    """Starts the calling test again in namespaces of its own. Returns in there only."""
    if os.environ.get(INSIDE):
        return
    command = ["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child", "--"]
    if os.geteuid() != 0 or as_nobody:
        command[1:1] = ["--user", "--map-root-user"]
    if as_nobody and os.geteuid() == 0:
        command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *command]
    if subprocess.run([*command, "true"], capture_output=True, timeout=30, check=False).returncode:
        skip("namespaces are refused: " + " ".join(command))
    done = subprocess.run([*command, "/usr/bin/python3", *sys.argv], env={**os.environ, INSIDE: "1"}, check=False)
    sys.exit(done.returncode)


def implementations():
    """The programs that are built, each with its launcher: {"openmpi": (client-mpi, mpirun.openmpi), ...}."""
    found = {}
    for program in ("client-mpi", "client-mpi-openmpi", "client-mpi-mpich"):
        if not (BIN / program).exists():
            continue
        libraries = subprocess.run(["ldd", BIN / program], capture_output=True, text=True, check=False).stdout
        for name, library in (("openmpi", "libmpi.so"), ("mpich", "libmpich.so")):
            launcher = shutil.which(f"mpirun.{name}")
            if library in libraries and launcher:
                found[name] = (BIN / program, launcher)
    if not found:
        skip("no client-mpi with its mpirun: scripts/setup mpi, and build again")
    return found


class Hosts:
    """`count` hosts; `ahead`: by how many seconds the clock of each is ahead."""

    def __init__(self, folder, count=4, ahead=()):
        self.folder = pathlib.Path(folder)
        self.names = [f"h{number}" for number in range(1, count + 1)]
        self.addresses = [f"{NETWORK}.{number}" for number in range(1, count + 1)]
        self.agent = self.folder / "agent"
        self.agent.write_text(AGENT, encoding="ascii")
        self.agent.chmod(0o755)
        for name, seconds in zip(self.names, ahead):
            (self.folder / f"ahead.{name}").write_text(f"{seconds}\n", encoding="ascii")
        self._build()

    def _build(self):
        commands = ["mount -t tmpfs tmpfs /run", "mkdir /run/netns", "ip link set lo up",
                    "ip link add switch type bridge", f"ip addr add {HEAD}/24 dev switch",
                    "ip link set switch up"]
        for name, address in zip(self.names, self.addresses):
            commands += [f"ip netns add {name}",
                         f"ip link add {name} type veth peer name eth0 netns {name}",
                         f"ip link set {name} master switch up",
                         f"ip -n {name} addr add {address}/24 dev eth0",
                         f"ip -n {name} link set eth0 up", f"ip -n {name} link set lo up"]
        for command in commands:
            done = subprocess.run(command.split(), capture_output=True, text=True, timeout=30, check=False)
            if done.returncode:
                skip(f"{command}: {done.stderr.strip()}")

    def run_on(self, name, *command, **options):
        return subprocess.run(["nsenter", f"--net=/run/netns/{name}", *command], check=False, **options)

    def traffic(self):
        """{host: (bytes received, bytes sent)} of each veth, seen from the switch."""
        listed = subprocess.run(["ip", "-s", "-j", "link"], capture_output=True, text=True, check=True, timeout=30)
        links = {link["ifname"]: link["stats64"] for link in json.loads(listed.stdout)}
        return {name: (links[name]["rx"]["bytes"], links[name]["tx"]["bytes"]) for name in self.names}

    def launcher(self, implementation, *more):
        """The words before the program: one rank on each host."""
        _, mpirun = implementations()[implementation]
        if implementation == "mpich":
            return [mpirun, "-launcher", "ssh", "-launcher-exec", str(self.agent), "-localhost", HEAD,
                    "-hosts", ",".join(self.addresses), "-np", str(len(self.addresses)), *more]
        network = f"{NETWORK}.0/24"
        return [mpirun, "--allow-run-as-root", "--mca", "plm_rsh_agent", str(self.agent), "--mca", "routed", "direct",
                "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", network,
                "--mca", "oob_tcp_if_include", network,
                "-H", ",".join(f"{address}:1" for address in self.addresses), "-np", str(len(self.addresses)), *more]

    def start(self, implementation, *arguments, launcher=(), cwd=None):
        program, _ = implementations()[implementation]
        words = [*self.launcher(implementation, *launcher), str(program), *map(str, arguments)]
        environment = {**os.environ, "UCX_TLS": "tcp,self", "TMPDIR": str(self.folder)}
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                                cwd=cwd or self.folder, env=environment)

    def run(self, implementation, *arguments, **options):
        process = self.start(implementation, *arguments, **options)
        try:
            out, error = process.communicate(timeout=LONGEST_RUN)
        except subprocess.TimeoutExpired:
            process.kill()
            out, error = process.communicate()
            expect(False, f"client-mpi ends within {LONGEST_RUN} s: {arguments}\n{out}\n{error}")
        return subprocess.CompletedProcess(process.args, process.returncode, out, error)


def ranks_of(hosts):
    """{host name: pid} of the ranks that run now."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "comm").read_text(encoding="utf-8").strip()
            network = (entry / "ns" / "net").stat().st_ino
        except OSError:
            continue
        for name in hosts.names if command.startswith("client-mpi") else ():
            if network == pathlib.Path(f"/run/netns/{name}").stat().st_ino:
                found[name] = int(entry.name)
    return found


def wait_for_ranks(hosts, patience=30):
    until = time.monotonic() + patience
    while time.monotonic() < until:
        ranks = ranks_of(hosts)
        if len(ranks) == len(hosts.names):
            return ranks
        time.sleep(0.02)
    expect(False, f"{len(hosts.names)} ranks run within {patience} s, seen: {ranks_of(hosts)}")
    return {}


def read_document(path):
    return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))


__all__ = ["HEAD", "Hosts", "enter_namespaces", "implementations", "ranks_of", "read_document", "signal", "wait_for_ranks"]
