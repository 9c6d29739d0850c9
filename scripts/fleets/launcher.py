"""The commands that start the clients. Pure.

A launcher is a command to which the client's is appended: `ssh {host}`, `ip netns exec {host}`.
ssh joins its arguments with spaces, and a shell at the host splits the line again, so its command
is one quoted word, quoted again for each further ssh: `sudo -u load ssh {host}`, `ssh gate ssh {host}`.
Other launchers execute their arguments as they are.
"""

import re
import shlex

HOST = "{host}"
MOST_RANKS = 4096
#: No text that a launcher could take for an option, or a terminal for a command.
_HOST = re.compile(r"[\w.:@%\[\]][\w.:@%\[\]+/-]*")
_SHELL_AT_THE_HOST = "ssh"


def hosts_of(text):
    """h1,h2: raises ValueError."""
    hosts = text.split(",")
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise ValueError(f"'{host}': must be names of hosts with commas between them, as h1,h2")
    return hosts


def words_of(text, needs_host=True):
    """The words of a launcher, as a shell splits them. Raises ValueError."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"'{text}': {error}; must be a command, as 'ssh {HOST}'") from error
    if not words or (needs_host and not any(HOST in word for word in words)):
        raise ValueError(f"'{text}': must be a command with {HOST} in it, as 'ssh {HOST}'")
    return words


def command(launcher, host, words):
    """The words to execute here so that `words` are executed there. `launcher`: [] for here."""
    words = list(map(str, words))
    for word in launcher:
        if word.rpartition("/")[2] == _SHELL_AT_THE_HOST:
            words = [shlex.join(words)]
    return [*(word.replace(HOST, host) for word in launcher), *words]


def command_of_mpi(launcher, words):
    """The same for mpirun, which may have ssh as the value of an option, and quotes by itself."""
    return [*launcher, *command(launcher[:1], "", words)[1:]]


def shown(words):
    """As one would type it."""
    return shlex.join(words)
