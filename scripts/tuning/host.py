"""The host-wide settings that an experiment may change with --apply: which, where, which values.

Only what is named here is ever written. Each has a floor: a machine whose threads-max is 20 cannot
start the program that would put it back. `root` is the tree they are read from, so that tests run
on a fixture (docs: kernel's admin-guide/sysctl/kernel.rst, vm.rst, net.rst, mm/transhuge.rst).
"""

import dataclasses
import os
import pathlib
import re


@dataclasses.dataclass(frozen=True)
class Setting:
    name: str
    file: str
    words: tuple = ()  #: what may be written; empty: a whole number within
    least: int = 0
    most: int = 0

    def allowed(self):
        return ", ".join(self.words) if self.words else f"{self.least} to {self.most}"

    def takes(self, value):
        if self.words:
            return value in self.words
        return re.fullmatch(r"[0-9]{1,10}", value) and self.least <= int(value) <= self.most


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("kernel.threads-max", "proc/sys/kernel/threads-max", (), 8192, 4_194_304),
        Setting("kernel.pid_max", "proc/sys/kernel/pid_max", (), 8192, 4_194_304),
        Setting("vm.max_map_count", "proc/sys/vm/max_map_count", (), 8192, 2_147_483_647),
        Setting(
            "net.core.high_order_alloc_disable",
            "proc/sys/net/core/high_order_alloc_disable",
            ("0", "1"),
        ),
        Setting(
            "transparent_hugepage",
            "sys/kernel/mm/transparent_hugepage/enabled",
            ("always", "madvise", "never"),
        ),
    )
}


class Host:
    """Their files below `root`, read and written."""

    def __init__(self, root="/"):
        self.root = pathlib.Path(root)

    def path(self, name):
        return self.root / SETTINGS[name].file

    def read(self, name):
        """Its value as it would be written: of `always [madvise] never` the one in brackets.
        Raises OSError where the kernel has no such setting."""
        text = " ".join(self.path(name).read_text().split())
        chosen = re.search(r"\[([^\]]+)\]", text)
        return chosen[1] if chosen else text

    def write(self, name, value):
        """In one write(2), as the kernel takes it, and as `echo >` does it. Raises OSError."""
        descriptor = os.open(self.path(name), os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(descriptor, value.encode())
        finally:
            os.close(descriptor)

    def writable(self, name):
        return os.access(self.path(name), os.W_OK)
