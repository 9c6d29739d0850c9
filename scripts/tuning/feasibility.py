"""Whether an experiment's arms can be set up here, found out before anything is measured.

Each arm is written once into a fresh namespace. A setting that no namespace has of its own is
refused, since writing it would reach the host; a value that this kernel does not take (a congestion
control that it lacks) makes that arm infeasible, which the results say.
"""

import dataclasses
import difflib
import pathlib

from . import namespace, namespace_settings

#: Read back in every namespace beside what the arms set: what loads of many connections depend on.
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
    """One line: the setting, and why it is not for a namespace."""


@dataclasses.dataclass
class Feasibility:
    defaults: dict  #: what a fresh namespace has
    infeasible: dict  #: arm: why


def names_of(experiment):
    return sorted({*SHOWN, *experiment.sysctls})


def check(experiment):
    """Raises Refused, or NoNamespace where none may be made."""
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
                    f"{name}: host-wide: a private namespace "
                    f"{'has none of its own' if kinds[name] == 'absent' else 'may only read it'}"
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
