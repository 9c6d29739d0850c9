"""The machine and the build of an experiment; null where a value cannot be read.

The root of all paths is a parameter, so that tests use fixture trees. A manifest is published with
its results, so it has no environment variables, host name or addresses. The kernel's command line
is stored without words that name a disk, a network or an option of init.

    manifest.take("build/bin", source=".")                 a dict, in about 50 ms
    manifest.differences(one, other)                       ["kernel: Linux 6.1 / Linux 6.18", ...]
"""

import contextlib
import hashlib
import json
import os
import pathlib
import platform
import re
import subprocess

from . import machine, run_record

PROGRAMS = ("echo_threads", "echo_async", "client")
#: {sysctl: why it matters to a load of many connections}.
SYSCTLS = {
    "fs.file-max": "descriptors of the whole machine",
    "fs.nr_open": "the most that RLIMIT_NOFILE can be",
    "kernel.pid_max": "thread ids",
    "kernel.threads-max": "threads of the whole machine",
    "kernel.randomize_va_space": "addresses, and with them cache and page-table layout",
    "kernel.sched_autogroup_enabled": "how the threads of a terminal share a processor with others",
    "kernel.numa_balancing": "pages that move while they are measured",
    "vm.max_map_count": "threads: two maps per stack outside a region",
    "vm.overcommit_memory": "whether stacks may exceed memory and swap",
    "vm.swappiness": "whether resident memory may be swapped out",
    "net.core.somaxconn": "the longest accept queue",
    "net.core.netdev_max_backlog": "packets that wait for softirq",
    "net.core.rmem_max": "the largest SO_RCVBUF",
    "net.core.wmem_max": "the largest SO_SNDBUF",
    "net.core.busy_poll": "whether poll and select spin on a processor",
    "net.core.busy_read": "whether reads spin on a processor",
    "net.core.high_order_alloc_disable": "32 KiB or 4 KiB per thread that sends",
    "net.core.default_qdisc": "the queue in front of a device",
    "net.ipv4.ip_local_port_range": "connections of one source address",
    "net.ipv4.tcp_congestion_control": "the sending rate",
    "net.ipv4.tcp_rmem": "receive buffers: minimum, default, maximum",
    "net.ipv4.tcp_wmem": "send buffers: minimum, default, maximum",
    "net.ipv4.tcp_mem": "pages of all TCP sockets: where memory pressure begins",
    "net.ipv4.tcp_max_syn_backlog": "half-open connections",
    "net.ipv4.tcp_syncookies": "what happens beyond that limit",
    "net.ipv4.tcp_abort_on_overflow": "reset or silent drop when the accept queue is full",
    "net.ipv4.tcp_max_tw_buckets": "connections in TIME_WAIT",
    "net.ipv4.tcp_tw_reuse": "whether a connect may reuse a port in TIME_WAIT",
    "net.ipv4.tcp_tw_reuse_delay": "how soon it may",
    "net.ipv4.tcp_fin_timeout": "how long an orphan stays in FIN_WAIT_2",
    "net.ipv4.tcp_max_orphans": "closed sockets with unsent data",
    "net.ipv4.tcp_autocorking": "whether small writes are combined",
    "net.ipv4.tcp_limit_output_bytes": "unsent bytes in queues below TCP",
}
#: Results that differ in these are not compared without --force: (keys in the manifest, name).
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
    """The manifest. `binaries`: the programs' folder; `source`: the checkout, for its commit."""
    here, binaries = machine.Machine(pathlib.Path(root)), pathlib.Path(binaries)
    load = here.text("proc/loadavg").split()
    return {
        "taken": run_record.now(),
        "commit": commit_of(pathlib.Path(source)),
        "programs": programs_of(binaries),
        "build": build_of(binaries),
        "libraries": libraries(),
        "kernel": {
            "release": here.line("proc/sys/kernel/osrelease"),
            "version": here.line("proc/sys/kernel/version"),
            "command_line": here.command_line(),
            "architecture": platform.machine() or None,
        },
        "system": here.system(),
        "cpu": here.cpu(),
        "mitigations": here.mitigations(),
        "hypervisor": here.hypervisor(),
        "memory_b": here.memory(),
        "huge_pages": {
            name: here.chosen(f"sys/kernel/mm/transparent_hugepage/{name}")
            for name in ("enabled", "defrag", "shmem_enabled")
        },
        "cgroup": here.cgroup(),
        "limits": machine.rlimits(),
        "sysctls": {
            name: here.line("proc/sys/" + name.replace(".", "/")) for name in SYSCTLS
        },
        "load": [float(each) for each in load[:3]] or None,
        "steal": here.steal(),
        "python": platform.python_version(),
        "options": None,  # later: effective options of both programs in the first measured run
    }


def differences(one, other):
    """Lines: what two manifests differ in, that which makes figures incomparable first. A value
    that could not be read is "unknown"."""
    found = [
        f"{name}: {_value(_at(one, keys))} / {_value(_at(other, keys))}"
        for keys, name in WEIGHTY
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
    names = {name for _, name in WEIGHTY}
    return [line for line in differences(one, other) if line.partition(":")[0] in names]


def _at(document, keys):
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _value(value):
    return "unknown" if value is None else str(value)


# ---- what was built ------------------------------------------------------------------------------
def commit_of(source):
    """{id, dirty, describe}, or None outside a checkout. Installed: that of the build, 12 digits."""
    with contextlib.suppress(OSError, IndexError):
        built = (source / "scripts" / "VERSION").read_text().splitlines()[1]
        commit, _, changes = built.partition(" ")
        known = re.fullmatch("[0-9a-f]{12}", commit)
        return {"id": commit, "dirty": bool(changes), "describe": None} if known else None
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
    """SHA-256 of each program, because a commit does not identify a build."""
    found = {}
    for name in PROGRAMS:
        found[name] = None
        with contextlib.suppress(OSError):
            with open(binaries / name, "rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def build_of(binaries):
    """Build type, compiler and flags, from CMake's cache and compile commands above build/bin. An
    installation has neither; there, from the client's --describe, which does not have the flags."""
    cache = {}
    for folder in (binaries, *list(binaries.absolute().parents)[:2]):
        with contextlib.suppress(OSError):
            text = (folder / "CMakeCache.txt").read_text(errors="replace")
            cache = dict(re.findall(r"^(\w+):\w+=(.*)$", text, re.MULTILINE))
            break
    else:
        return _described_build(binaries / "client")
    kind = cache.get("CMAKE_BUILD_TYPE") or None
    return {
        "type": kind,
        "compiler": _compiler(cache.get("CMAKE_CXX_COMPILER")),
        "flags": _flags(folder),
        "sanitize": cache.get("TESTBED_SANITIZE") or None,
    }


def _described_build(client):
    version = {}
    with contextlib.suppress(TypeError, ValueError, AttributeError):
        version = json.loads(_output(client, "--describe")).get("version") or {}
    kind, compiler = version.get("build_type") or None, version.get("compiler")
    return {"type": kind, "compiler": compiler, "flags": None, "sanitize": None}


def _compiler(program):
    """The first line of its --version: "g++ (Debian 12.2.0-14) 12.2.0"."""
    version = _output(program, "--version") if program else None
    return version.splitlines()[0].strip() if version else None


def _flags(folder):
    """The compiler flags of the server's main file, without paths."""
    with contextlib.suppress(OSError, ValueError):
        for one in json.loads((folder / "compile_commands.json").read_text()):
            if one["file"].endswith("echo_async/main.cpp"):
                words = one["command"].split()[1:]
                return " ".join(w for w in words if re.fullmatch(r"-[OWfmgstD][^/]*", w))
    return None


def libraries():
    """libc's version; summary.with_options fills in Boost's from a program's document."""
    with contextlib.suppress(ValueError, OSError):
        return {"libc": os.confstr("CS_GNU_LIBC_VERSION"), "boost": None}
    return {"libc": None, "boost": None}
