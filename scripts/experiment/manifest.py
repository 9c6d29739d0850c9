"""Where and with what an experiment was measured, as far as it can be read: null where it cannot.

Every path hangs below a root, so that tests run on fixture trees. There is no environment variable
in it, no host name, no address, and of the kernel's command line nothing that names a disk, a
network or what init is told: a manifest is published with its results.

    manifest.take("build/bin", source=".")                 a dict, in some 50 ms
    manifest.differences(one, other)                       ["kernel: Linux 6.1 / Linux 6.18", ...]
"""

import contextlib
import hashlib
import json
import os
import pathlib
import platform
import re
import resource
import subprocess

PROGRAMS = ("echo_threads", "echo_async", "client")
#: sysctl: why it matters to a load of many connections.
SYSCTLS = {
    "fs.file-max": "descriptors of the whole machine",
    "fs.nr_open": "the most that RLIMIT_NOFILE can be",
    "kernel.pid_max": "threads: their ids",
    "kernel.threads-max": "threads of the whole machine",
    "kernel.randomize_va_space": "addresses, and with them cache and page-table layout",
    "kernel.sched_autogroup_enabled": "how a session's threads share a processor with others",
    "kernel.numa_balancing": "pages that move while they are measured",
    "vm.max_map_count": "threads: two maps for each stack",
    "vm.overcommit_memory": "whether stacks need not be backed",
    "vm.swappiness": "whether resident memory may leave",
    "net.core.somaxconn": "the longest accept queue",
    "net.core.netdev_max_backlog": "packets that wait for softirq",
    "net.core.rmem_max": "the largest SO_RCVBUF",
    "net.core.wmem_max": "the largest SO_SNDBUF",
    "net.core.busy_poll": "whether waiting burns a processor",
    "net.core.busy_read": "whether reading burns a processor",
    "net.core.high_order_alloc_disable": "32 KiB or 4 KiB for each thread that sends",
    "net.core.default_qdisc": "the queue in front of a device",
    "net.ipv4.ip_local_port_range": "connections of one source",
    "net.ipv4.tcp_congestion_control": "how fast a sender dares to be",
    "net.ipv4.tcp_rmem": "receive buffers: least, default, most",
    "net.ipv4.tcp_wmem": "send buffers: least, default, most",
    "net.ipv4.tcp_mem": "pages of all TCP: where pressure begins",
    "net.ipv4.tcp_max_syn_backlog": "half-open connections",
    "net.ipv4.tcp_syncookies": "what happens beyond them",
    "net.ipv4.tcp_abort_on_overflow": "reset or silence where the accept queue is full",
    "net.ipv4.tcp_max_tw_buckets": "connections in TIME_WAIT",
    "net.ipv4.tcp_tw_reuse": "whether a connect may take a port in TIME_WAIT",
    "net.ipv4.tcp_tw_reuse_delay": "and how soon",
    "net.ipv4.tcp_fin_timeout": "how long a half-closed orphan stays",
    "net.ipv4.tcp_max_orphans": "closed sockets with unsent data",
    "net.ipv4.tcp_autocorking": "whether small writes are joined",
    "net.ipv4.tcp_limit_output_bytes": "unsent bytes below TCP",
}
#: Of the kernel's command line: names a disk, a network, a user or what init is told.
PRIVATE_WORDS = re.compile(
    r"(root|resume|ip|nfs\w*|init|rdinit|rd\..*|luks.*|crypt\w*|systemd\..*|hostname|netconsole"
    r"|BOOT_IMAGE|ostree|zfs|ds|cloud-init)(=.*)?$"
)
#: cgroup v1 writes "no limit" as the largest number of whole pages below 2^63.
UNLIMITED = 2**62
#: Two results of which these differ are not compared without --force: (in the manifest, in words).
WEIGHTY = (
    (("kernel", "release"), "kernel"),
    (("cpu", "model"), "CPU"),
    (("cpu", "online"), "processors"),
    (("build", "compiler"), "compiler"),
    (("build", "type"), "build type"),
    (("build", "flags"), "compiler flags"),
    (("hypervisor",), "hypervisor"),
    (("memory_b",), "memory"),
)


def take(binaries, source, root="/"):
    """The manifest. `binaries`: folder of the programs; `source`: the checkout, for its commit."""
    machine, binaries = _Machine(pathlib.Path(root)), pathlib.Path(binaries)
    load = machine.text("proc/loadavg").split()
    return {
        "taken": _now(),
        "commit": commit_of(pathlib.Path(source)),
        "programs": programs_of(binaries),
        "build": build_of(binaries),
        "libraries": libraries(),
        "kernel": {
            "release": machine.line("proc/sys/kernel/osrelease"),
            "version": machine.line("proc/sys/kernel/version"),
            "command_line": machine.command_line(),
            "architecture": platform.machine() or None,
        },
        "system": machine.system(),
        "cpu": machine.cpu(),
        "mitigations": machine.mitigations(),
        "hypervisor": machine.hypervisor(),
        "memory_b": machine.memory(),
        "huge_pages": {
            name: machine.chosen(f"sys/kernel/mm/transparent_hugepage/{name}")
            for name in ("enabled", "defrag", "shmem_enabled")
        },
        "cgroup": machine.cgroup(),
        "limits": rlimits(),
        "sysctls": {
            name: machine.line("proc/sys/" + name.replace(".", "/")) for name in SYSCTLS
        },
        "load": [float(each) for each in load[:3]] or None,
        "steal": machine.steal(),
        "python": platform.python_version(),
        "options": None,  # effective ones of both programs, of the first run that was measured
    }


def differences(one, other):
    """What two manifests disagree about, in words; of what makes figures incomparable first, and
    None where one side could not be read."""
    found = [
        f"{said}: {_value(_at(one, keys))} / {_value(_at(other, keys))}"
        for keys, said in WEIGHTY
        if _at(one, keys) != _at(other, keys)
    ]
    for group in ("sysctls", "mitigations", "huge_pages", "limits", "cgroup"):
        first, second = one.get(group) or {}, other.get(group) or {}
        for name in sorted(first.keys() | second.keys()):
            if first.get(name) != second.get(name):
                found.append(f"{name}: {_value(first.get(name))} / {_value(second.get(name))}")
    first, second = _at(one, ("commit", "id")), _at(other, ("commit", "id"))
    if first != second:
        found.append(f"commit: {_value(first)} / {_value(second)}")
    return found


def incomparable(one, other):
    """The differences that forbid a comparison without --force: machine, kernel, compiler."""
    said = {name for _, name in WEIGHTY}
    return [line for line in differences(one, other) if line.partition(":")[0] in said]


def _at(document, keys):
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _value(value):
    return "unknown" if value is None else str(value)


def _now():
    from . import runs

    return runs.now()


# ---- what was built ------------------------------------------------------------------------------
def commit_of(source):
    """{id, dirty, describe}, or None outside a checkout."""
    found = _output("git", "-C", source, "rev-parse", "HEAD")
    if not found:
        return None
    changed = _output("git", "-C", source, "status", "--porcelain", "--untracked-files=no")
    described = _output("git", "-C", source, "describe", "--tags", "--always")
    return {
        "id": found.strip(),
        "dirty": None if changed is None else bool(changed.strip()),
        "describe": described.strip() if described else None,
    }


def _output(*command):
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return done.stdout
    return None


def programs_of(binaries):
    """SHA-256 of each program: a commit does not tell what was built of it."""
    found = {}
    for name in PROGRAMS:
        found[name] = None
        with contextlib.suppress(OSError):
            with open(binaries / name, "rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def build_of(binaries):
    """Of CMake's cache and compile commands, which lie above build/bin."""
    cache = {}
    for folder in (binaries, *list(binaries.absolute().parents)[:2]):
        with contextlib.suppress(OSError):
            text = (folder / "CMakeCache.txt").read_text(errors="replace")
            cache = dict(re.findall(r"^(\w+):\w+=(.*)$", text, re.MULTILINE))
            break
    else:
        folder = None
    kind = cache.get("CMAKE_BUILD_TYPE") or None
    return {
        "type": kind,
        "compiler": _compiler(cache.get("CMAKE_CXX_COMPILER")),
        "flags": _flags(folder),
        "sanitize": cache.get("TESTBED_SANITIZE") or None,
    }


def _compiler(program):
    """Its own first line: "g++ (Debian 12.2.0-14) 12.2.0"."""
    said = _output(program, "--version") if program else None
    return said.splitlines()[0].strip() if said else None


def _flags(folder):
    """Those that all of the server's files share, without paths."""
    if folder is None:
        return None
    with contextlib.suppress(OSError, ValueError):
        for one in json.loads((folder / "compile_commands.json").read_text()):
            if one["file"].endswith("echo_async/main.cpp"):
                words = one["command"].split()[1:]
                return " ".join(w for w in words if re.fullmatch(r"-[OWfmgstD][^/]*", w))
    return None


def libraries():
    """libc by its own name; Boost is filled in from what a program tells (session.with_options)."""
    with contextlib.suppress(ValueError, OSError):
        return {"libc": os.confstr("CS_GNU_LIBC_VERSION"), "boost": None}
    return {"libc": None, "boost": None}


# ---- the machine ---------------------------------------------------------------------------------
class _Machine:
    def __init__(self, root):
        self.root = root

    def text(self, path):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return (self.root / path).read_text()
        return ""

    def line(self, path):
        return " ".join(self.text(path).split()) or None

    def chosen(self, path):
        """Of "always [madvise] never", the one in brackets."""
        found = re.search(r"\[(\w+)\]", self.text(path))
        return found[1] if found else None

    def command_line(self):
        words = self.text("proc/cmdline").partition(" -- ")[0].split()
        if not words:
            return None
        return " ".join(word for word in words if not PRIVATE_WORDS.match(word))

    def system(self):
        found = re.search(r'^PRETTY_NAME="?([^"\n]*)', self.text("etc/os-release"), re.MULTILINE)
        return found[1] if found else None

    def cpu(self):
        info = self.text("proc/cpuinfo")
        cpus = sorted((self.root / "sys/devices/system/cpu").glob("cpu[0-9]*"))
        places = [one.relative_to(self.root) for one in cpus]
        governors = {self.line(place / "cpufreq/scaling_governor") for place in places}
        return {
            "model": _field(info, "model name"),
            "microcode": _field(info, "microcode"),
            "online": self.line("sys/devices/system/cpu/online"),
            "usable": len(os.sched_getaffinity(0)),
            "topology": [
                {
                    "cpu": int(one.name[3:]),
                    "core": _number(self.line(one.relative_to(self.root) / "topology/core_id")),
                    "package": _number(
                        self.line(one.relative_to(self.root) / "topology/physical_package_id")
                    ),
                    "siblings": self.line(
                        one.relative_to(self.root) / "topology/thread_siblings_list"
                    ),
                }
                for one in cpus
            ],
            "numa_nodes": self.line("sys/devices/system/node/online"),
            "governors": sorted(one for one in governors if one) or None,
            "frequency_driver": self.line("sys/devices/system/cpu/cpu0/cpufreq/scaling_driver"),
            "boost": self.line("sys/devices/system/cpu/cpufreq/boost"),
            "idle_driver": self.line("sys/devices/system/cpu/cpuidle/current_driver"),
            "clocksource": self.line(
                "sys/devices/system/clocksource/clocksource0/current_clocksource"
            ),
        }

    def mitigations(self):
        folder = self.root / "sys/devices/system/cpu/vulnerabilities"
        return {
            one.name: self.line(one.relative_to(self.root)) for one in sorted(folder.glob("*"))
        } or None

    def hypervisor(self):
        """Its name where firmware tells it; "unnamed" where only the CPU says that there is one;
        "none" where it says that there is not."""
        for path in ("sys/hypervisor/type", "sys/class/dmi/id/sys_vendor"):
            name = self.line(path)
            if name and ("dmi" not in path or " hypervisor" in self.text("proc/cpuinfo")):
                return name
        info = self.text("proc/cpuinfo")
        if not info:
            return None
        return "unnamed" if re.search(r"^flags\s*:.*\bhypervisor\b", info, re.MULTILINE) else "none"

    def memory(self):
        kib = _number(_field(self.text("proc/meminfo"), "MemTotal", first=True))
        return kib * 1024 if kib else None

    def cgroup(self):
        """Limits of this process's own groups and of all above: the least of each."""
        found = {"pids_max": None, "memory_max": None, "cpu_max": None}
        files = {
            "pids_max": ("pids.max",),
            "memory_max": ("memory.max", "memory.limit_in_bytes"),
        }
        for line in self.text("proc/self/cgroup").splitlines():
            _, controllers, path = line.split(":", 2)
            for base in ("sys/fs/cgroup", *(f"sys/fs/cgroup/{c}" for c in controllers.split(","))):
                group = pathlib.PurePosixPath("/" + path.strip("/"))
                for each in (group, *group.parents):
                    where = f"{base}/{str(each).strip('/')}".rstrip("/")
                    for name, kinds in files.items():
                        for kind in kinds:
                            value = _number(self.line(f"{where}/{kind}"))
                            if value is not None and value < UNLIMITED:
                                found[name] = min(value, found[name] or value)
                    quota = self.line(f"{where}/cpu.max")
                    if quota and not quota.startswith("max"):
                        found["cpu_max"] = quota
        return found

    def steal(self):
        """Since boot, of all time."""
        fields = self.text("proc/stat").partition("\n")[0].split()[1:]
        if len(fields) < 8 or not sum(map(int, fields)):
            return None
        return round(int(fields[7]) / sum(map(int, fields[:8])), 6)


def _field(text, name, first=False):
    found = re.search(rf"^{name}\s*:\s*(.*)$", text, re.MULTILINE)
    if not found:
        return None
    return found[1].split()[0] if first else found[1].strip()


def _number(text):
    return int(text) if text and re.fullmatch(r"\d+", text) else None


def rlimits():
    """[soft, hard] of all limits of this process; null: unlimited."""
    found = {}
    for name in sorted(dir(resource)):
        if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE":
            both = resource.getrlimit(getattr(resource, name))
            unlimited = resource.RLIM_INFINITY
            found[name[7:].lower()] = [None if one == unlimited else one for one in both]
    return found
