"""The memory in use at one moment, by kind; scripts/account.py compares two of them.

All figures are in bytes; one that cannot be read is None, never 0. Sources: /proc/PID/smaps_rollup,
/proc/PID/status, /proc/meminfo, /proc/zoneinfo, /proc/net/sockstat (proc(5)), and /proc/slabinfo
(slabinfo(5); root only).
"""

import contextlib
import dataclasses
import os
import pathlib
import re
import time

#: Kinds whose readings agree once the kernel has freed what it frees late (RCU, per-CPU lists).
SETTLING = ("kernel_stack", "slab", "socket")
TOLERANCE = 512 * 1024  #: bytes by which two settled readings may differ ...
SHARE = 0.001  #: ... or this share of the larger one
PAGE = os.sysconf("SC_PAGE_SIZE")


def snapshot(pids, root="/"):
    """The memory in use now, in bytes by kind.

    resident        anonymous memory of `pids`: Pss_Anon, so that what forked processes share
                    counts once; RssAnon where smaps_rollup is unreadable. Pages of files and
                    shared memory are page cache, which is in `free`. None if a pid is gone.
    page_tables     of `pids`: VmPTE
    resident_by_pid, page_tables_by_pid   the same of each pid
    kernel_stack, slab   of the machine
    slab_by_cache   of each cache; None without the privilege to read /proc/slabinfo
    slab_in_use     the same of the objects in use only, without names of /proc: after other runs a
                    cache has free places, and the next run takes these before it takes pages
    proc_inodes     the part of slab that holds names of /proc: whoever lists /proc/PID/fd leaves
                    an inode and a dentry for each descriptor, 940 B, until they are reclaimed
    socket          buffers of all TCP sockets (IPv4 and IPv6 share this account)
    processes       anonymous memory and page tables of all processes
    free            MemFree, buffers and page cache, and the pages that processors keep at hand
                    (limits/machine.cpp)

    smaps_rollup takes 12 to 16 ms for 10,000 memory maps (two per thread): not for timed phases.
    """
    root = pathlib.Path(root)
    resident = {pid: _anonymous(root, pid) for pid in pids}
    tables = {pid: _kilobytes(_text(root / f"proc/{pid}/status"), "VmPTE") for pid in pids}
    memory = _text(root / "proc/meminfo")
    caches = _caches(_text(root / "proc/slabinfo"))
    return {
        "resident": sum_of(resident.values()),
        "resident_by_pid": resident,
        "page_tables": sum_of(tables.values()),
        "page_tables_by_pid": tables,
        "kernel_stack": _kilobytes(memory, "KernelStack"),
        "slab": _kilobytes(memory, "Slab"),
        "slab_by_cache": {name: cache.bytes for name, cache in caches.items()} or None,
        "slab_in_use": _in_use(caches),
        "proc_inodes": _proc_inodes(caches),
        "socket": _socket(_text(root / "proc/net/sockstat")),
        "processes": sum_of(_kilobytes(memory, name) for name in ("AnonPages", "PageTables")),
        "free": _free(memory, _text(root / "proc/zoneinfo")),
    }


def settle(read, seconds=2, patience=30, sleep=time.sleep):
    """Calls `read` until two snapshots, `seconds` apart, agree in SETTLING. Returns the last one,
    with a key `settled`: False if none agreed within about `patience` seconds.
    """
    last = read()
    for _ in range(max(1, int(patience / seconds))):
        sleep(seconds)
        now = read()
        if _agree(last, now):
            return {**now, "settled": True}
        last = now
    return {**last, "settled": False}


def _text(path):
    """The file's text, or "" where it cannot be read."""
    with contextlib.suppress(OSError):
        return path.read_text(errors="replace")
    return ""


def _kilobytes(text, name):
    found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _anonymous(root, pid):
    exact = _kilobytes(_text(root / f"proc/{pid}/smaps_rollup"), "Pss_Anon")
    return exact if exact is not None else _kilobytes(_text(root / f"proc/{pid}/status"), "RssAnon")


def _socket(text):
    found = re.search(r"^TCP:.* mem (\d+)", text, re.MULTILINE)
    return int(found[1]) * PAGE if found else None


def _free(memory, zones):
    """Without /proc/zoneinfo the pages at hand are missing, as in limits/machine.cpp."""
    at_hand = sum(map(int, re.findall(r"^\s+count:\s+(\d+)$", zones, re.MULTILINE)))
    parts = [_kilobytes(memory, name) for name in ("MemFree", "Buffers", "Cached")]
    return sum_of([*parts, at_hand * PAGE])


@dataclasses.dataclass(frozen=True)
class Cache:
    """A line of slabinfo. `objects`: for how many its slabs have room; `active`: those in use."""

    active: int
    objects: int
    bytes: int  #: of its slabs

    def of(self, objects):
        """Bytes of that many objects, each with its share of what is left over in a slab."""
        return objects * self.bytes // self.objects if self.objects else 0


def _caches(text):
    form = re.compile(
        r"^(\S+) +(\d+) +(\d+) +\d+ +\d+ +(\d+) : tunables .* : slabdata +\d+ +(\d+)",
        re.MULTILINE,
    )
    return {
        name: Cache(int(active), int(objects), int(pages) * int(slabs) * PAGE)
        for name, active, objects, pages, slabs in form.findall(text)
    }


def _proc_inodes(caches, active=False):
    """Bytes of the inodes of /proc, each with a dentry and, where there is one, its LSM blob."""
    inodes = caches.get("proc_inode_cache")
    if inodes is None:
        return None
    count = inodes.active if active else inodes.objects
    names = ("proc_inode_cache", "dentry", "lsm_inode_cache")
    return sum(caches[name].of(count) for name in names if name in caches)


def _in_use(caches):
    if not caches:
        return None
    return sum(one.of(one.active) for one in caches.values()) - (_proc_inodes(caches, True) or 0)


def _agree(one, other):
    for kind in SETTLING:
        a, b = one[kind], other[kind]
        if a is not None and b is not None and abs(a - b) > max(TOLERANCE, SHARE * max(a, b)):
            return False
    return True


def sum_of(values):
    """None if one of the values is None: a partial sum would be too small."""
    values = list(values)
    return None if None in values else sum(values)
