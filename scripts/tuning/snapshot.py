"""Compares all writable sysctls of the host before and after an experiment, which changes none.

Files that the kernel itself changes are excluded, each for the reason given (the kernel's
admin-guide/sysctl).
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
    "kernel/ns_last_pid": "the last pid that was allocated",
    "kernel/pty/nr": "counts pseudo-terminals",
    "kernel/random": "entropy left, and a new UUID at each read",
    "kernel/perf_event_max_sample_rate": "the kernel lowers it when sampling takes too long",
    "kernel/keys": "garbage collection of keys",
    "net/netfilter/nf_conntrack_count": "counts connections",
    "net/ipv4/route/flush": "triggers an action",
    "net/ipv6/route/flush": "triggers an action",
    "vm/compact_memory": "triggers an action",
    "vm/drop_caches": "the last value written, by any program that measures",
    "vm/stat_refresh": "triggers an action",
}


def changes_by_itself(name):
    return any(name == one or name.startswith(one + "/") for one in WRITTEN_BY_KERNEL)


def take(root="/proc/sys"):
    """{name: text} of all files that have a write bit and can be read, as kernel/threads-max."""
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
    """One line for each setting that differs."""
    shown = lambda values, name: " ".join(values.get(name, "absent").split())  # noqa: E731
    return [
        f"{name.replace('/', '.')}: {shown(before, name)} before, {shown(after, name)} after"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
