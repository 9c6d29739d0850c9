"""Private network namespaces, made for one run and gone with it.

A namespace lives as long as a process is in it or a descriptor refers to it. Here it is a
descriptor of this process: no helper has to stay alive, and however this process ends, kill -9
included, the kernel takes the namespace down with the last program inside. Programs get in by
nsenter(1), which becomes the program without a fork, and die with their parent (setpriv(1)
--pdeathsig), so that nothing stays behind in a namespace that nobody can find any more.

`loopback`: one namespace, both ends on its 127/8. `veth`: two, joined by a pair of virtual
interfaces, each end's way out with a real queue; a token bucket (tc-tbf(8)) caps the bandwidth
there, because congestion control and buffers do nothing on loopback. Needs util-linux and iproute2,
and root or unprivileged user namespaces (unshare(1), user_namespaces(7)).

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
#: RFC 5737's first network for documentation: nobody routes it.
VETH_NETWORK = "192.0.2.0/24"
VETH_CLIENT, VETH_SERVER = "192.0.2.1", "192.0.2.2"
LOOPBACK = "127.0.0.1"
SETTINGS_PROGRAM = pathlib.Path(__file__).with_name("namespace_settings.py")


class NoNamespace(Exception):
    """One line: why there is no namespace, and what would help."""


class Refused(Exception):
    """The kernel took a value otherwise than it was written, or not at all."""


@dataclasses.dataclass(frozen=True)
class Topology:
    kind: str = "loopback"
    #: Of the token bucket at both ends, in tc's words; None: as fast as the machine copies.
    rate: str | None = None
    #: How long a packet may wait in the bucket's queue; beyond that it is dropped.
    latency: str = "50ms"
    burst: str = "64kb"

    def __str__(self):
        if self.kind == "loopback":
            return "loopback of one private namespace"
        if not self.rate:
            return "two private namespaces, a veth pair"
        queue = f"{self.rate} by TBF each way, queue {self.latency}, burst {self.burst}"
        return f"two private namespaces, a veth pair, {queue}"


def tool(name):
    """Where it lies; the sbin folders are not on every user's PATH."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin")
    if not found:
        package = "iproute2" if name in ("ip", "tc") else "util-linux"
        raise NoNamespace(f"needs {name}: apt-get install {package}")
    return found


def first_line(done):
    lines = (done.stderr or b"").decode(errors="replace").strip().splitlines()
    return lines[0] if lines else f"ended with {done.returncode}"


class Namespace:
    """A network namespace, held by a descriptor. `within`: one that lies in the same user
    namespace, so that both ends of a veth pair have the same owner."""

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
        raise NoNamespace(f"no private network namespace may be made here ({why}); {advice()}")

    def _make(self, words, keep_user=False):
        """cat tells by its echo that it runs, and so that the namespace stands."""
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
            raise NoNamespace(reason[0] if reason else f"{words[0]} ended without a word")

    @property
    def enter(self):
        """The words in front of a program that is to run inside."""
        mine = f"/proc/{os.getpid()}/fd"
        words = [tool("nsenter")]
        if self.user is not None:
            words += [f"--user={mine}/{self.user}", "--preserve-credentials"]
        return [*words, f"--net={mine}/{self.net}"]

    @property
    def prefix(self):
        """The same, for a program that must not outlive this one."""
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
        """Writes {name: value} and reads {name: value or None} back, by a process inside.

        Raises Refused, with the name, where the kernel does not take a value.
        """
        reply = self._ask(write=write or {}, read=list(read))
        if reply["refused"]:
            raise Refused("; ".join(reply["refused"]))
        return reply["values"]

    def kinds(self, names):
        """{name: "writable", "read-only" or "absent"} of sysctls, as this namespace has them."""
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
    """What forbids them, as far as the kernel says so."""
    if os.geteuid() == 0:
        return "root needs CAP_SYS_ADMIN for it: a container may lack that"
    for name, off in (
        ("user/max_user_namespaces", "0"),
        ("user/max_net_namespaces", "0"),
        ("kernel/unprivileged_userns_clone", "0"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1"),
    ):
        with contextlib.suppress(OSError):
            if pathlib.Path("/proc/sys", name).read_text().strip() == off:
                return f"{name.replace('/', '.')} is {off}: run as root, or have it changed"
    return "run as root, or where unprivileged user namespaces are allowed"


class Network:
    """The namespaces of one run. `client` and `server` are the same one on loopback."""

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
        """The server's address, as the client types it."""
        return VETH_SERVER if self.topology.kind == "veth" else LOOPBACK

    @property
    def server_options(self):
        return ["--bind", VETH_SERVER, "--allow-public"] if self.topology.kind == "veth" else []

    @property
    def client_options(self):
        return ["--allow-remote", VETH_NETWORK] if self.topology.kind == "veth" else []

    def sysctl(self, write=None, read=()):
        """At both ends; what is read back is the server's, and both must agree."""
        values = self.server.sysctl(write, read)
        if self.client is not self.server and self.client.sysctl(write, read) != values:
            raise Refused("the two ends' settings differ after the same values were written")
        return values

    def close(self):
        while self.opened:
            self.opened.pop().close()
