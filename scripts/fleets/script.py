"""Options, run and results of scripts/fleet."""

import resource
import secrets
import sys

import outputs
import streams
from experiment import command, options

from . import fleet, launcher, mpi, pipe, progress, results, server

DONE, FAILED, USAGE, MISSING, NETWORK = 0, 1, 2, 3, 4
CODES = {
    options.Missing: MISSING,
    pipe.NotStarted: MISSING,
    results.Failed: FAILED,
    server.Failed: NETWORK,
}
#: Seconds in which all clients must be ready: a host may be slow, a queue of jobs slower.
PATIENCE = 60.0
#: Options of a client that the parent gives it, or has itself.
OWN = {
    "--share": "given to each client",
    "--frames": "given to each client",
    "--start-at": "the clients agree on a time",
}
#: Files that a client writes at its host: each has a name of its own, by {rank}.
FILES = ("--json", "--hgrm", "--series")
RANK = "{rank}"
DESCRIPTORS_EACH = 4


def add_options(parser):
    add = parser.add_argument
    add("--hosts", type=command.checked(launcher.hosts_of), metavar="H1,H2",
        help="a client on each of them; a host may occur several times")  # fmt: skip
    add("--launch", type=command.checked(launcher.words_of), metavar="COMMAND",
        help="what starts a client at {host}, as 'ssh {host}'")  # fmt: skip
    add("--ranks", type=command.at_least(1), metavar="K", help="K clients on this machine")
    add("--mpi", type=command.checked(lambda text: launcher.words_of(text, False)),
        metavar="COMMAND", help="what starts client-mpi, as 'mpirun -np 4'")  # fmt: skip
    add("--client", metavar="PATH", help="the client's path at the hosts (that of --bin)")
    add("--seed", type=command.at_least(0), metavar="N", help="seed of all clients (a fresh one)")
    add("--wait", type=command.duration, default=PATIENCE, metavar="TIME",
        help=f"time in which all clients must be ready ({PATIENCE:g}s)")  # fmt: skip
    add("--server-via", type=command.checked(lambda text: launcher.words_of(text, False)),
        metavar="COMMAND", help="what reaches the server's machine, as 'ssh server'")  # fmt: skip
    add("--server-pid", type=command.at_least(1), metavar="PID", help="the server's process there")
    add("--limits", metavar="PATH", help="the path of limits there (that of --bin)")
    add("--json", type=outputs.file_or_stdout, metavar="FILE|-", help="write the document")
    add("--hgrm", type=outputs.file_or_stdout, metavar="FILE|-", help="write the percentiles")
    add("--out", type=outputs.folder, metavar="DIR", help="keep the document of each client here")
    add("--progress", choices=("auto", "always", "never"), default="auto",
        help="a line while it runs (auto)")  # fmt: skip
    add("--dry-run", action="store_true", help="print the commands, and start nothing")
    command.add_binaries(parser)


def parse(parser, words):
    """(options, words of the client): those after the first --."""
    at = words.index("--") if "--" in words else len(words)
    given, client = parser.parse_args(words[:at]), words[at + 1 :]
    ways = [given.hosts is not None, given.ranks is not None, given.mpi is not None]
    if sum(ways) != 1:
        parser.error("one of --hosts, --ranks and --mpi must be given")
    if bool(given.hosts) != bool(given.launch):
        parser.error("--hosts and --launch must be given together, as --launch 'ssh {host}'")
    if (given.server_via is None) != (given.server_pid is None):
        parser.error("--server-via and --server-pid must be given together")
    if given.mpi and given.server_pid:
        parser.error("--server-pid: not with --mpi: this machine's clock is none of the ranks'")
    if "-" == given.json == given.hgrm:
        parser.error("--json and --hgrm cannot both be on stdout")
    ranks = len(given.hosts or ()) or given.ranks or 1
    if ranks > launcher.MOST_RANKS:
        parser.error(f"{ranks} clients; must be {launcher.MOST_RANKS} or fewer")
    check_client(parser, given, client)
    return given, client


def check_client(parser, given, client):
    for at, word in enumerate(client):
        name, _, value = word.partition("=")
        if name in OWN:
            parser.error(f"{name}: {OWN[name]}; must not follow --")
        value = value or "".join(client[at + 1 : at + 2])
        if name in FILES and not given.mpi and RANK not in value:
            hint = f"after --: must have {RANK} in it, as rank-{RANK}.json; else put it before --"
            parser.error(f"{name} {value} {hint}")


def commands_of(given, client):
    """[(host, words)] of the clients, or of mpirun."""
    program = "client-mpi" if given.mpi else "client"
    path = given.client or str((given.bin / program).resolve())
    seed = given.seed
    if seed is None and not any(word.partition("=")[0] == "--seed" for word in client):
        seed = secrets.randbits(63)
    more = [] if seed is None else ["--seed", seed]
    if given.mpi:
        return [("mpirun", launcher.command_of_mpi(given.mpi, [path, "--frames", *more, *client]))]
    hosts = given.hosts or [f"local{number}" for number in range(given.ranks)]
    return [
        (host, launcher.command(
            given.launch or [], host,
            [path, "--frames", "--share", f"{rank}/{len(hosts)}", *more, *words_of(client, rank)],
        ))
        for rank, host in enumerate(hosts)
    ]  # fmt: skip


def words_of(client, rank):
    """Those of one client: the names of its files are its own."""
    return [
        word.replace(RANK, str(rank)) if before in FILES or name_of(word) in FILES else word
        for before, word in zip(("", *client), client)
    ]


def name_of(word):
    return word.partition("=")[0]


def need_programs(given):
    if not (given.bin / "client").exists():
        raise options.Missing(f"{given.bin / 'client'}: not there; {options.BUILD}")


def allow_descriptors(ranks):
    """Each has three pipes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_EACH * ranks + 64
    if soft < wanted <= hard or hard == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def carry_out(name, given, client):
    """Returns the exit code."""
    commands = commands_of(given, client)
    if given.dry_run:
        print("\n".join(launcher.shown(words) for _, words in commands))
        return DONE
    need_programs(given)
    allow_descriptors(len(commands))
    with results.Results(given.bin, given.out) as kept:
        kind = mpi.Fleet if given.mpi else fleet.Fleet
        watch = server.of(given)
        one = kind(commands, kept, progress.Progress(given.progress), given.wait, watch)
        try:
            with one:
                one.begin()
                one.follow()
        except fleet.Refused as refused:
            streams.log("\n".join(f"{name}: {line}" for line in str(refused).splitlines()))
            return refused.code
        except fleet.Interrupted:
            return 128 + one.signals[0]
        code = conclude(name, given, one, kept, watch)
        return 128 + one.signals[0] if one.signals else code


def conclude(name, given, one, kept, watch):
    """Merges and writes what came. Returns the exit code."""
    missing = one.missing
    for number, (host, why) in missing.items():
        streams.log(f"{name}: rank {number} is missing: {host}: {why}")
    if one.signals and not kept.kept:
        return FAILED  # it came before they began, or twice: no failure of the merging
    code, text, document, percentiles = kept.merge(missing, given.hgrm)
    if watch:
        figures = watch.figures(one.ranks)
        document["server"] = figures
        text += watch.text_of(figures)
    files = [(given.hgrm, percentiles), (given.json, results.text_of(document))]
    if "-" not in (given.json, given.hgrm):
        files.append(("-", text))
    write_all([(place, content) for place, content in files if place])
    sys.stdout.flush()
    return code or (FAILED if missing else DONE)


def write_all(files):
    """stdout last: it may have no reader. A file that cannot be written keeps no other from it."""
    failures = []
    for place, content in sorted(files, key=lambda one: one[0] == "-"):
        try:
            results.write(place, content)
        except outputs.CannotWrite as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
