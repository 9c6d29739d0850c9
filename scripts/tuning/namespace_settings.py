"""Reads and writes the sysctls of the network namespace that it runs in. Started by namespace.py.

Stdin: {"write": {name: value}, "read": [name], "look_at": [name], "not_in": inode of the namespace
that must not be written}. Stdout: {"refused": [one line each], "values": {name: text, or null if it
cannot be read}, "kinds": {name: "writable", "read-only" or "absent"}}. A write is refused if the
kernel returns an error or reads back another value. Tabs, as in ip_local_port_range, are converted
to spaces.
"""

import json
import os
import sys

WHOLE = "*"  # reads every sysctl of the namespace
#: Outside the host's namespace, only unrestricted algorithms may be set (net/ipv4/tcp_cong.c).
CONGESTION, ALLOWED = "net.ipv4.tcp_congestion_control", "net.ipv4.tcp_allowed_congestion_control"
AVAILABLE = "net.ipv4.tcp_available_congestion_control"


def path_of(name):
    """The file of net.ipv4.x. spec.py checks names; this refuses only those outside net/."""
    parts = name.split(".")
    if parts[0] != "net" or not all(parts) or "/" in name:
        raise ValueError(f"{name}: not a network sysctl")
    return "/proc/sys/" + "/".join(parts)


def read(name):
    try:
        with open(path_of(name)) as file:
            return " ".join(file.read().split())
    except OSError:
        return None


def write(name, value):
    """Writes a sysctl. Returns why the kernel refused it, or None."""
    try:
        with open(path_of(name), "w") as file:
            file.write(value)
    except OSError as error:
        hint = congestion_hint(value, error) if name == CONGESTION else ""
        return f"{name} = {value}: {error.strerror}{hint}"
    now = read(name)
    return None if now == value else f"{name} = {value}: it reads {now} afterwards"


def congestion_hint(value, error):
    """Why a namespace may not set a congestion control, and the command that allows it."""
    allowed, available = read(ALLOWED), read(AVAILABLE)
    if isinstance(error, PermissionError):
        command = f'sysctl -w {ALLOWED}="{allowed} {value}"'
        return f" (allowed in a namespace: {allowed}; to allow more, on the host: {command})"
    if isinstance(error, FileNotFoundError):
        return f" (this kernel has {available}; the module may be tcp_{value})"
    return ""


def kind(name):
    path = path_of(name)
    if not os.path.exists(path):
        return "absent"
    return "writable" if os.access(path, os.W_OK) else "read-only"


def everything():
    for folder, _, files in os.walk("/proc/sys/net"):
        for file in files:
            yield os.path.join(folder, file).removeprefix("/proc/sys/").replace("/", ".")


def main():
    request = json.load(sys.stdin)
    if os.stat("/proc/self/ns/net").st_ino == request["not_in"]:
        print("this is the host's own namespace: nothing was written", file=sys.stderr)
        return 1
    refused = [why for name, value in request["write"].items() if (why := write(name, value))]
    names = sorted(everything()) if WHOLE in request["read"] else request["read"]
    reply = {
        "refused": refused,
        "values": {name: read(name) for name in names},
        "kinds": {name: kind(name) for name in request["look_at"]},
    }
    json.dump(reply, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
