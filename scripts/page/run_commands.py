"""The commands that repeat a run by hand. Pure.

The harness gives a server port 0 and a descriptor to report the port on. By hand there is no such
descriptor, and the client must know the port. So the server gets the port of the client's command,
and the options that only the harness can give are left out. Nothing else is changed.
"""

import shlex

#: Options whose value is valid in that run only: a descriptor, a process id.
_ONCE = {"--ready-fd", "--server-pid"}


def of(run):
    """The server's and the client's command line; "" where the run has none."""
    port = _port_of(run.client)
    server = _without(run.server)
    if port and server:
        server = _with_port(server, port)
    return shlex.join(server), shlex.join(_without(run.client))


def _without(words):
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in _ONCE:
            skip = True
        elif word.partition("=")[0] not in _ONCE:
            kept.append(word)
    return kept


def _port_of(client):
    for word in client:
        _, colon, port = word.rpartition(":")
        if colon and port.isdigit() and not word.startswith("-"):
            return port
    return None


def _with_port(server, port):
    for name in ("-p", "--port"):
        for index in range(len(server) - 1):
            if server[index] == name and server[index + 1] == "0":
                return [*server[: index + 1], port, *server[index + 2 :]]
    return server
