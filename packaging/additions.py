"""What the manuals say beside --help and --describe: what a command is for, its files, more examples.

Each example is run by tests/packaging/examples_test.py.
"""

SUMMARY = "what ten thousand echo connections cost, by concurrency model"

_VALUES = (
    "Counts take the suffixes k and M, sizes K, M and G, durations ms, s and m. The report goes to stdout, "
    "progress and logs to stderr. `--json` writes one document with the same figures; its schema is in "
    "`schema/` of the documents."
)
_PRIVILEGES = (
    "A server listens on loopback only, unless `--bind` and `--allow-public` are given: an echo service on a "
    "public address is a reflection hazard."
)
_STOP = (
    "SIGINT, SIGTERM and SIGHUP end it: it stops accepting, echoes what it has received, and prints the counts. "
    "A second signal ends it at once."
)

DESCRIPTIONS = {
    "echo-testbed": [
        "Two TCP echo servers with many concurrency models, a load client that verifies every byte, and a "
        "program that computes which limit of the machine comes first. The other commands are experiments with "
        "them.",
        "`echo-testbed NAME` replaces itself by the program: signals, exit code and the shell's limits "
        "(`ulimit -n`) are those of the program.",
        "The documents in `share/doc/echo-testbed` were written for a source tree. `scripts/sweep` there is "
        "`echo-testbed sweep`, and `build/bin/client` is `echo-testbed client`.",
    ],
    "client": [
        "Opens N connections to an echo server, sends messages on them, and compares each byte that comes back. "
        "It reports how many connections were served, latencies, and the CPU time and memory of both ends and of "
        "the kernel. Each failure is counted by its cause.",
        "It connects outside loopback only with `--allow-remote`.",
        _VALUES,
    ],
    "echo_threads": [
        "A TCP echo server whose connections are served by blocking threads or processes. `--model` chooses how.",
        _PRIVILEGES, _STOP, _VALUES,
    ],
    "echo_async": [
        "A TCP echo server whose connections are served by event loops. `--model` chooses which.",
        _PRIVILEGES, _STOP, _VALUES,
    ],
    "limits": [
        "Prints a row for each limit of this machine that N connections of a model meet: what is there, what is "
        "needed, and the command that lifts it. The lowest limit comes first. It changes nothing.",
    ],
}  # fmt: skip

EXIT_STATUS = (
    "That of NAME. Without such a name, and for an unknown option, it is 2. The programs share these codes; each "
    "page has those of its command:"
)

OPTIONS = [
    (("-h", "--help"), "Print the names with a line each, and exit. So does the command without arguments."),
    (("--version",), "Print version and commit, and exit. Each NAME has `--version`, too, with its libraries or tools."),
]

ENVIRONMENT = [
    ("TESTBED_TRACEBACK", "If it is 1, an internal error prints its traceback."),
]

_RESULTS = (
    "results/NAME-TIME/",
    "In the working directory, unless `--out` is given: every run with its commands and documents "
    "(`experiment.json`, `runs.jsonl`) and the page `report.html`.",
)
FILES = {
    "echo-testbed": [
        ("libexec/echo-testbed/", "Below the installation's prefix (/usr of the Debian package): the programs in "
         "`bin`, the scripts, and the experiments of `tune`."),
        ("share/doc/echo-testbed/docs/", "The documents; `schema/` describes the JSON documents, `results/` holds "
         "measured ones."),
        ("results/", "In the working directory: what `demo` and the experiments write."),
    ],
    "demo": [
        ("results/demo-TIME/", "In the working directory: the documents of all runs, and `answer.json`."),
    ],
    "sweep": [_RESULTS],
    "compare": [_RESULTS],
    "stack-sweep": [_RESULTS],
    "false-alarms": [_RESULTS],
    "tune": [
        _RESULTS,
        ("~/.local/state/echo-testbed/", "The journal of host-wide settings that are changed; `--recover` reads it."),
        ("libexec/echo-testbed/scripts/experiments/", "The shipped experiments, below the prefix."),
    ],
    "fleet": [("DIR/rank-RANK.json", "With `--out DIR`: the document of each client; `client merge` makes the report of them.")],
    "growth": [("DIR/growth.json, growth.md, growth.svg", "With `--out DIR`: the rows, a table, a plot.")],
    "million": [("DIR/million.json", "With `--out DIR`: the document, complete before anything is closed.")],
    "threads": [
        ("DIR/threads.json", "With `--out DIR`: the document, complete before anything is closed."),
        ("~/.local/state/echo-testbed/", "The journal of host-wide settings that are changed; `--recover` reads it."),
    ],
    "report": [("report.html", "The page, in the results folder, with its plots as SVG beside it.")],
    "limits": [("/proc, /sys", "Where the limits are read; each row names its file.")],
}  # fmt: skip

EXAMPLES = {
    "echo-testbed": [
        ("echo-testbed demo", "10,000 connections against both servers, and one table"),
        ("ulimit -n 10100; echo-testbed echo_threads & echo-testbed client -n 10000", "The same by hand"),
        ("echo-testbed limits -n 100k", "What 100,000 connections would need"),
        ("echo-testbed sweep --factor model=callbacks,coroutines --dry-run", "The plan of an experiment"),
    ],
    "echo_threads": [
        ("echo-testbed echo_threads --list-models", "The models"),
        ("echo-testbed echo_threads --stack-size 16K --stats 1", "A thread per connection, with a line each second"),
        ("echo-testbed echo_threads --model pool-accept --workers 64", ""),
        ("echo-testbed echo_threads --model pool-accept --help", "The options of that model"),
    ],
    "echo_async": [
        ("echo-testbed echo_async --list-models", "The models"),
        ("echo-testbed echo_async --model nested-epoll --json server.json", "Writes a document when it is stopped"),
        ("echo-testbed echo_async --model hand-off --workers 2 --dispatch least --port 0", "On any free port"),
    ],
    "limits": [
        ("echo-testbed limits -n 100k", "A thread per connection"),
        ("echo-testbed limits -n 100k --model callbacks", ""),
        ("echo-testbed limits --model pool-accept -- --workers 64", "With an option of the server"),
        ("echo-testbed limits -n 100k --emit systemd", "Lines for a unit file"),
        ("echo-testbed limits watch $$ --json --duration 1s", "What a process and its descendants use"),
    ],
}

SEE_ALSO = {
    "client": ["echo-testbed-echo_threads(1)", "echo-testbed-echo_async(1)"],
    "echo_threads": ["echo-testbed-echo_async(1)", "echo-testbed-client(1)", "echo-testbed-limits(1)"],
    "echo_async": ["echo-testbed-echo_threads(1)", "echo-testbed-client(1)", "echo-testbed-limits(1)"],
    "limits": ["getrlimit(2)", "proc(5)"],
    "sweep": ["echo-testbed-report(1)", "echo-testbed-compare(1)"],
    "compare": ["echo-testbed-sweep(1)", "echo-testbed-false-alarms(1)"],
    "stack-sweep": ["echo-testbed-report(1)"],
    "tune": ["echo-testbed-report(1)", "sysctl(8)"],
    "report": ["echo-testbed-sweep(1)"],
    "compare-models": ["echo-testbed-report(1)"],
    "demo": ["echo-testbed-limits(1)", "echo-testbed-compare-models(1)"],
    "fleet": ["echo-testbed-client(1)", "echo-testbed-limits(1)", "ssh(1)", "mpirun(1)"],
    "growth": ["echo-testbed-million(1)", "echo-testbed-threads(1)", "echo-testbed-compare-models(1)"],
    "million": ["echo-testbed-threads(1)", "echo-testbed-limits(1)"],
    "threads": ["echo-testbed-million(1)", "echo-testbed-tune(1)", "echo-testbed-limits(1)"],
}
