"""All sysctls of the host that somebody could write, before and after: an experiment changes none.

What the kernel writes there itself is left out, each for its reason (kernel's admin-guide/sysctl).
"""

import contextlib
import os
import pathlib

WRITTEN_BY_KERNEL = {
    "fs/dentry-state": "counts directory entries in the cache",
    "fs/inode-nr": "counts inodes",
    "fs/inode-state": "counts inodes",
    "fs/file-nr": "counts open files",
    "fs/aio-nr": "counts asynchronous requests",
    "fs/quota": "counts lookups and writes of quotas",
    "kernel/ns_last_pid": "the last pid that was given out",
    "kernel/pty/nr": "counts pseudo-terminals",
    "kernel/random": "entropy left, and a new UUID at each reading",
    "kernel/perf_event_max_sample_rate": "the kernel lowers it when sampling takes too long",
    "kernel/keys": "key lifetimes are collected",
    "net/netfilter/nf_conntrack_count": "counts connections",
    "net/ipv4/route/flush": "a button",
    "net/ipv6/route/flush": "a button",
    "vm/compact_memory": "a button",
    "vm/drop_caches": "the last value written, by anybody who measures",
    "vm/stat_refresh": "a button",
}


def changes_by_itself(name):
    return any(name == one or name.startswith(one + "/") for one in WRITTEN_BY_KERNEL)


def take(root="/proc/sys"):
    """{kernel/threads-max: text}: what has a write bit and can be read."""
    found = {}
    for folder, _, files in os.walk(root):
        for file in files:
            path = pathlib.Path(folder, file)
            name = str(path.relative_to(root))
            with contextlib.suppress(OSError, UnicodeDecodeError):
                if path.stat().st_mode & 0o222 and not changes_by_itself(name):
                    found[name] = path.read_text()
    return found


def differences(before, after):
    """One line for each that is not the same."""
    shown = lambda values, name: " ".join(values.get(name, "absent").split())  # noqa: E731
    return [
        f"{name.replace('/', '.')}: {shown(before, name)} before, {shown(after, name)} after"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
