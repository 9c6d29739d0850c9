"""Checks which arms of an experiment can run on this machine, before anything is measured.

The settings of each arm are written once into a new namespace. A setting that a namespace does not
have for itself is refused, because writing it would change the host. If the kernel refuses a value,
such as a congestion control that it lacks, the arm is infeasible; the results report it.
"""

import dataclasses
import difflib
import pathlib

from . import namespace, namespace_settings

#: Settings that loads of many connections depend on; read back with those that the arms set.
SHOWN = (
    "net.core.somaxconn",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_abort_on_overflow",
    "net.ipv4.tcp_autocorking",
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_limit_output_bytes",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_tw_reuse_delay",
    "net.ipv4.tcp_wmem",
)


class Refused(Exception):
    """One line: the setting, and why a namespace cannot set it."""


@dataclasses.dataclass
class Feasibility:
    defaults: dict  #: {setting: value} of a new namespace
    infeasible: dict  #: {arm: why}


def names_of(experiment):
    return sorted({*SHOWN, *experiment.sysctls})


def check(experiment):
    """Returns a Feasibility. Raises Refused, or NoNamespace if none can be created."""
    names, infeasible = names_of(experiment), {}
    with namespace.Network(experiment.topology) as network:
        kinds = network.server.kinds(experiment.sysctls)
        defaults = network.server.sysctl(read=names)
        known = None
        for arm in experiment.arms:
            for name in arm.sysctl:
                if kinds[name] == "writable":
                    continue
                if kinds[name] == "absent" and not on_host(name):
                    if arm.optional:
                        infeasible[arm.name] = f"this kernel has no {name}"
                        continue
                    known = known or list(network.server.sysctl(read=[namespace_settings.WHOLE]))
                    near = difflib.get_close_matches(name, known, 1)
                    meant = f"; did you mean {near[0]}?" if near else ""
                    raise Refused(f"{name}: this kernel has no such setting{meant}")
                raise Refused(
                    f"{name}: host-wide; in a private namespace it "
                    f"{'does not exist' if kinds[name] == 'absent' else 'is read-only'}"
                )
    for arm in experiment.arms:
        if arm.name in infeasible:
            continue
        try:
            with namespace.Network(experiment.topology) as network:
                network.sysctl(arm.sysctl)
        except namespace.Refused as error:
            infeasible[arm.name] = str(error)
    if experiment.control.name in infeasible:
        why = infeasible[experiment.control.name]
        raise Refused(f"the control '{experiment.control.name}' is infeasible here: {why}")
    return Feasibility(defaults, infeasible)


def on_host(name):
    return pathlib.Path("/proc/sys", *name.split(".")).exists()
