"""What /proc, /sys and /etc report about a machine; None if a value cannot be read. The root of
these paths is a parameter, so that tests use fixture trees.

    machine.Machine(pathlib.Path("/")).cpu()["model"]
    machine.rlimits()["nofile"]                             [soft, hard]
"""

import contextlib
import os
import pathlib
import re
import resource

#: Words of the kernel's command line that name a disk, a network, a user or an option of init.
PRIVATE_WORDS = re.compile(
    r"(root|resume|ip|nfs\w*|init|rdinit|rd\..*|luks.*|crypt\w*|systemd\..*|hostname|netconsole"
    r"|BOOT_IMAGE|ostree|zfs|ds|cloud-init)(=.*)?$"
)
#: cgroup v1 writes "no limit" as the largest number of whole pages below 2^63.
UNLIMITED = 2**62


class Machine:
    def __init__(self, root):
        self.root = root

    def text(self, path):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return (self.root / path).read_text()
        return ""

    def line(self, path):
        return " ".join(self.text(path).split()) or None

    def chosen(self, path):
        """The word in brackets, as in "always [madvise] never"."""
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
        """The hypervisor's name from the firmware; "unnamed" if only the CPU's flags show one;
        "none" if they show none."""
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
        """The smallest limit of each kind, over this process's cgroups and their parents."""
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
        """Steal time since boot, as a share of all CPU time."""
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
    """{name: [soft, hard]} of all limits of this process; None: unlimited."""
    found = {}
    for name in sorted(dir(resource)):
        if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE":
            both = resource.getrlimit(getattr(resource, name))
            unlimited = resource.RLIM_INFINITY
            found[name[7:].lower()] = [None if one == unlimited else one for one in both]
    return found
