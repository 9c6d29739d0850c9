"""The host-wide settings that an experiment may change with --apply: names, files, allowed values.

No other setting is written. Each number has a minimum, because a machine whose threads-max is 20
cannot start the program that would restore it. `root` is the tree that holds the files; tests use
a fixture. Sources: the kernel's admin-guide/sysctl/kernel.rst, vm.rst, net.rst, mm/transhuge.rst.
"""

import dataclasses
import os
import pathlib
import re


@dataclasses.dataclass(frozen=True)
class Setting:
    name: str
    file: str
    words: tuple = ()  #: allowed values; empty: a whole number from `least` to `most`
    least: int = 0
    most: int = 0

    def allowed(self):
        return ", ".join(self.words) if self.words else f"{self.least} to {self.most}"

    def takes(self, value):
        if self.words:
            return value in self.words
        return re.fullmatch(r"[0-9]{1,10}", value) and self.least <= int(value) <= self.most

    def can_have(self, value):
        """Whether the kernel can have had the value, which this script would not write itself."""
        return value in self.words if self.words else re.fullmatch(r"-?[0-9]{1,20}", value)


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
    """Reads and writes the settings' files below `root`."""

    def __init__(self, root="/"):
        self.root = pathlib.Path(root)

    def path(self, name):
        return self.root / SETTINGS[name].file

    def read(self, name):
        """The setting's value in the form in which it is written; for `always [madvise] never`,
        the word in brackets. Raises OSError if the kernel has no such setting."""
        text = " ".join(self.path(name).read_text().split())
        chosen = re.search(r"\[([^\]]+)\]", text)
        return chosen[1] if chosen else text

    def write(self, name, value):
        """Writes a value with one write(2), as `echo >` does. Raises OSError."""
        descriptor = os.open(self.path(name), os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(descriptor, value.encode())
        finally:
            os.close(descriptor)

    def writable(self, name):
        return os.access(self.path(name), os.W_OK)
