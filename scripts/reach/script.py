"""What scripts/million and scripts/threads have in common: options, preflight, output, exit codes."""

import sys

import account
import entry_point
import outputs
import streams
from experiment import atomic, command, quantity

from . import ends, preflight, run
from .progress import amount

DONE, FAILED, MISSING = 0, 1, 3
CODES = {preflight.Refused: MISSING, preflight.Unreadable: MISSING, ends.Failed: FAILED}
#: Bytes of free memory that are kept unless told otherwise: a desktop and a shell go on.
KEEP_FREE = 1 << 30
#: Seconds for which all stand, unless told otherwise: free memory settles, and the account is taken.
HOLD = 10.0


def add_options(parser, connections):
    add = parser.add_argument
    add("-n", dest="connections", type=command.count, default=connections, metavar="N",
        help=f"connections ({connections:,})")  # fmt: skip
    add("--hold", type=command.duration, default=HOLD, metavar="TIME",
        help=f"time for which all stand after their echoes ({HOLD:g}s)")  # fmt: skip
    add("--keep-free", type=command.checked(size), default=KEEP_FREE, metavar="BYTES",
        help=f"floor of free memory ({amount(KEEP_FREE)})")  # fmt: skip
    add("--out", type=outputs.folder, metavar="DIR", help="write the document into this folder")
    add("--json", action="store_true", help="print the document instead of the text")
    add("--dry-run", action="store_true", help="print what would be done, and do nothing")
    add("-q", "--quiet", action="store_true", help="no progress")
    command.add_binaries(parser)


def size(text):
    """64K: bytes with binary suffixes, as the programs read them."""
    value = quantity.value_of(text, "size")
    if not isinstance(value, int):
        raise ValueError(f"'{text}': must be a size, as 512M or 2G")
    return value


def checked(parser):
    given = parser.parse_args()
    if given.connections < 1:
        parser.error("-n: must be 1 or more")
    return given


def plan_of(name, given, program, model, server_options, sysctls=None):
    return run.Plan(
        name=name,
        program=program,
        model=model,
        connections=given.connections,
        hold=given.hold,
        keep_free=given.keep_free,
        server_options=tuple(server_options),
        sysctls=sysctls or {},
    )


def check_limits(plan, given):
    """The document of limits. Raises preflight.Refused where a limit does not suffice."""
    document = preflight.ask(given.bin, plan.connections, plan.model, plan.server_options)
    rows = preflight.short(document)
    if rows:
        raise preflight.Refused(
            f"{plan.connections:,} connections do not fit:\n" + "\n".join(preflight.lines_of(rows))
        )
    return document


def carry_out(plan, given):
    """Preflight, run, results. Returns the exit code."""
    document = check_limits(plan, given)
    if given.dry_run:
        print(f"{plan.connections:,} connections: limits suffice; {preflight.first_limit(document)}")
        return DONE
    if not given.quiet:
        first = preflight.first_limit(document)
        streams.log(f"{plan.connections:,} connections: limits suffice; {first}")
    forecast = forecast_of(plan, given)
    output = Output(plan, given)
    one = run.Run(plan, given.bin, output.save, forecast, given.quiet)
    try:
        one.go()
    except entry_point.Interrupted:
        one.result.interrupted = True
        output.save(one.result)
        output.finish(one.result)
        raise
    except ends.Failed:
        output.save(one.result)
        output.finish(one.result)
        raise
    output.finish(one.result)
    return DONE if one.result.passed else FAILED


def forecast_of(plan, given):
    """What limits forecasts; None where it does not."""
    try:
        return account.forecast(plan.connections, plan.model, plan.server_options, given.bin)
    except account.NoForecast as error:
        streams.log(f"no forecast of memory: {error}")
        return None


class Output:
    """The document on disk whenever there is more, and the text in two parts."""

    def __init__(self, plan, given):
        self.given, self.told = given, False
        name = plan.name.rpartition("/")[2]
        self.path = given.out / f"{name}.json" if given.out else None
        if self.path:
            self.path.parent.mkdir(parents=True, exist_ok=True)

    def save(self, result):
        if self.path:
            atomic.write_atomically(self.path, result.document())
        if not self.told and not self.given.json:
            self.told = True
            print("\n".join(result.lines_while_standing()), flush=True)

    def finish(self, result):
        if self.given.json:
            print(atomic.text_of(result.document()), end="", flush=True)
        else:
            print("\n".join(result.lines_at_the_end()), flush=True)
        if self.path and not self.given.quiet:
            streams.log(f"results: {self.path}")
        sys.stdout.flush()
