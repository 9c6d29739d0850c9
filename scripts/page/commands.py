"""The commands that make a run again, as one can type them. Pure.

A harness gives a server port 0 and a descriptor to tell the port on; by hand there is no such
descriptor, and the client must know the port. So the server gets the port that the client was told,
and words that only the harness can give are left out. Nothing else is changed.
"""

import shlex

#: Options whose value belongs to the one run: a descriptor, a process id.
_ONCE = {"--ready-fd", "--server-pid"}


def of(run):
    """The server's and the client's line; "" where the run does not tell."""
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
