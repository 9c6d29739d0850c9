"""Private network namespaces, created for one run and removed with it.

A namespace exists while a process is in it or a descriptor refers to it. This process holds a
descriptor, so no other process has to stay alive. However this process ends, also by kill -9, the
kernel removes the namespace with the last program inside. Programs enter by nsenter(1), which execs
them without a fork. They die with their parent (setpriv(1) --pdeathsig), so that none stays in a
namespace that has no name.

`loopback`: one namespace; both ends use its 127/8. `veth`: two namespaces, joined by a pair of
virtual interfaces. Each interface has a queue for what it sends, and a token bucket (tc-tbf(8))
limits the bandwidth, because congestion control and buffers have no effect on loopback. Needs
util-linux and iproute2, and root or unprivileged user namespaces (unshare(1), user_namespaces(7)).

    with Network(Topology()) as network:
        subprocess.run([*network.server.enter, "ip", "address"])
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys

TIMEOUT_S = 20
#: RFC 5737's first network for documentation, which is not routed.
VETH_NETWORK = "192.0.2.0/24"
VETH_CLIENT, VETH_SERVER = "192.0.2.1", "192.0.2.2"
LOOPBACK = "127.0.0.1"
SETTINGS_PROGRAM = pathlib.Path(__file__).with_name("namespace_settings.py")


class NoNamespace(Exception):
    """One line: why no namespace can be created, and what allows it."""


class Refused(Exception):
    """The kernel refused a value, or stored another one."""


@dataclasses.dataclass(frozen=True)
class Topology:
    kind: str = "loopback"
    #: Bandwidth of each end's token bucket, in tc's syntax; None: not limited.
    rate: str | None = None
    #: How long a packet may wait in the bucket's queue before it is dropped.
    latency: str = "50ms"
    burst: str = "64kb"

    def __str__(self):
        if self.kind == "loopback":
            return "loopback of one private namespace"
        if not self.rate:
            return "two private namespaces, a veth pair"
        queue = f"TBF with {self.rate} each way, queue {self.latency}, burst {self.burst}"
        return f"two private namespaces, a veth pair, {queue}"


def tool(name):
    """The path of a program; also searches the sbin folders, which many users' PATH lacks."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin")
    if not found:
        package = "iproute2" if name in ("ip", "tc") else "util-linux"
        raise NoNamespace(f"needs {name}: apt-get install {package}")
    return found


def first_line(done):
    lines = (done.stderr or b"").decode(errors="replace").strip().splitlines()
    return lines[0] if lines else f"ended with {done.returncode}"


class Namespace:
    """A network namespace, held by a descriptor. `within`: another one whose user namespace it
    shares, so that both ends of a veth pair have the same owner."""

    def __init__(self, within=None):
        self.net = self.user = None
        if within is not None:
            self._make([*within.enter, tool("unshare"), "--net"])
            if within.user is not None:
                self.user = os.dup(within.user)
            return
        reasons = []
        for privileged in (True, False) if os.geteuid() == 0 else (False,):
            try:
                self._make([tool("unshare"), "--net" if privileged else "-Urn"], not privileged)
                return
            except NoNamespace as error:
                reasons.append(str(error))
        why = "; ".join(reasons)
        raise NoNamespace(f"no private network namespace can be created ({why}); {advice()}")

    def _make(self, words, keep_user=False):
        """Creates the namespace. cat runs in it; its echo shows that the namespace exists."""
        maker = subprocess.Popen(
            [*words, tool("cat")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        with maker:
            with contextlib.suppress(BrokenPipeError):
                maker.stdin.write(b"\n")
            if maker.stdout.readline() == b"\n":
                self.net = os.open(f"/proc/{maker.pid}/ns/net", os.O_RDONLY)
                if keep_user:
                    self.user = os.open(f"/proc/{maker.pid}/ns/user", os.O_RDONLY)
                return
            reason = maker.stderr.read().decode(errors="replace").strip().splitlines()
            raise NoNamespace(reason[0] if reason else f"{words[0]} ended without a message")

    @property
    def enter(self):
        """The words before the command of a program that is to run inside."""
        mine = f"/proc/{os.getpid()}/fd"
        words = [tool("nsenter")]
        if self.user is not None:
            words += [f"--user={mine}/{self.user}", "--preserve-credentials"]
        return [*words, f"--net={mine}/{self.net}"]

    @property
    def prefix(self):
        """The same, for a program that must not outlive this process."""
        return [*self.enter, tool("setpriv"), "--pdeathsig", "KILL"]

    def run(self, *words, pass_fds=()):
        done = subprocess.run(
            [*self.enter, tool(words[0]), *words[1:]],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            pass_fds=pass_fds,
        )
        if done.returncode:
            raise NoNamespace(f"`{' '.join(words)}`: {first_line(done)}")

    def sysctl(self, write=None, read=()):
        """A process inside writes {name: value} and reads back {name: value or None}.

        Raises Refused, with the name, if the kernel refuses a value.
        """
        reply = self._ask(write=write or {}, read=list(read))
        if reply["refused"]:
            raise Refused("; ".join(reply["refused"]))
        return reply["values"]

    def kinds(self, names):
        """{name: "writable", "read-only" or "absent"} of sysctls in this namespace."""
        return self._ask(look_at=list(names))["kinds"]

    def _ask(self, **request):
        request = {"write": {}, "read": [], "look_at": [], **request}
        request["not_in"] = os.stat("/proc/self/ns/net").st_ino
        done = subprocess.run(
            [*self.enter, sys.executable, "-I", str(SETTINGS_PROGRAM)],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=TIMEOUT_S,
        )
        if done.returncode:
            raise NoNamespace(f"{SETTINGS_PROGRAM.name}: {first_line(done)}")
        return json.loads(done.stdout)

    def close(self):
        for descriptor in (self.net, self.user):
            if descriptor is not None:
                os.close(descriptor)
        self.net = self.user = None


def advice():
    """The setting that forbids namespaces, and what to do."""
    if os.geteuid() == 0:
        return "root needs CAP_SYS_ADMIN, which a container may lack"
    for name, off in (
        ("user/max_user_namespaces", "0"),
        ("user/max_net_namespaces", "0"),
        ("kernel/unprivileged_userns_clone", "0"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1"),
    ):
        with contextlib.suppress(OSError):
            if pathlib.Path("/proc/sys", name).read_text().strip() == off:
                return f"{name.replace('/', '.')} is {off}: run as root, or change the setting"
    return "run as root, or on a machine that allows unprivileged user namespaces"


class Network:
    """The namespaces of one run. On loopback, `client` and `server` are the same one."""

    def __init__(self, topology):
        self.topology = topology
        self.client = self.server = None
        self.opened = []

    def __enter__(self):
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _open(self):
        self.client = self.server = self._keep(Namespace())
        self.client.run("ip", "link", "set", "lo", "up")
        if self.topology.kind == "veth":
            self.server = self._keep(Namespace(within=self.client))
            self.server.run("ip", "link", "set", "lo", "up")
            self._join()

    def _keep(self, namespace):
        self.opened.append(namespace)
        return namespace

    def _join(self):
        peer = f"/proc/self/fd/{self.server.net}"
        self.client.run(
            *("ip", "link", "add", "client0", "type", "veth"),
            *("peer", "name", "server0", "netns", peer),
            pass_fds=[self.server.net],
        )
        for end, device, address in (
            (self.client, "client0", VETH_CLIENT),
            (self.server, "server0", VETH_SERVER),
        ):
            end.run("ip", "address", "add", f"{address}/24", "dev", device)
            end.run("ip", "link", "set", device, "up")
            if self.topology.rate:
                end.run(
                    *("tc", "qdisc", "add", "dev", device, "root", "tbf"),
                    *("rate", self.topology.rate, "burst", self.topology.burst),
                    *("latency", self.topology.latency),
                )

    @property
    def target(self):
        """The server's address in the client's command."""
        return VETH_SERVER if self.topology.kind == "veth" else LOOPBACK

    @property
    def server_options(self):
        return ["--bind", VETH_SERVER, "--allow-public"] if self.topology.kind == "veth" else []

    @property
    def client_options(self):
        return ["--allow-remote", VETH_NETWORK] if self.topology.kind == "veth" else []

    def sysctl(self, write=None, read=()):
        """Writes and reads sysctls at both ends. Returns the server's values; both must agree."""
        values = self.server.sysctl(write, read)
        if self.client is not self.server and self.client.sysctl(write, read) != values:
            raise Refused("the two ends' settings differ after the same values were written")
        return values

    def close(self):
        while self.opened:
            self.opened.pop().close()
