"""The frame of every entry point: signals, streams, locale, and the end of each exception.

A script prints one line for an error and ends with the exit code that its help lists. An exception
that nobody expected becomes one line and exit 7; with TESTBED_TRACEBACK=1 in the environment its
traceback follows.

The first SIGINT, SIGTERM or SIGHUP raises Interrupted: exit 130, 143, 129. A second one kills the
programs that the script has started, so that nothing is waited for. A SIGHUP that was ignored when
the script began stays ignored (nohup(1)).

    if __name__ == "__main__":
        entry_point.prepare()                          # before the imports that take time
    ...
    sys.exit(entry_point.run("scripts/report", main, {page_input.Bad: 2}))
"""

import os
import signal
import sys

# All else is imported when it is needed: until `prepare`, a SIGINT prints a traceback.

USAGE, OUTPUT = 2, 7
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TRACEBACK = "TESTBED_TRACEBACK"


class Interrupted(BaseException):
    """The first signal, by its number. A BaseException, so that no handler swallows it."""

    first = None


def prepare():
    """To be called first. Until `run`, a signal ends the process at once."""
    handle(lambda number, _: os._exit(128 + number))
    import streams

    if not sys.flags.utf8_mode and sys.getfilesystemencoding() != "utf-8":
        # Documents are UTF-8, whatever the locale is.
        try:
            os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
        except OSError:
            pass
    streams.prepare()


def handle(handler):
    """Sets the handler of SIGNALS. Returns {number: earlier handler}. A SIGHUP that is ignored
    stays so."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    if before[signal.SIGHUP] == signal.SIG_IGN:
        del before[signal.SIGHUP]
    for number in before:
        signal.signal(number, handler)
    return before


def restore(before):
    """Undoes `handle`."""
    for number, handler in before.items():
        signal.signal(number, handler)


def interrupt(number, _):
    """Signal handler: raises Interrupted. Later signals kill the children instead, until another
    call of `handle`."""
    handle(kill_children)
    Interrupted.first = Interrupted.first or number
    raise Interrupted(Interrupted.first)


def kill_children(*_):
    import orphans

    orphans.kill_children()


def run(name, body, codes=None):
    """Calls `body` and returns the exit code. `codes`: {exception type: exit code} of the errors
    that are told by their text alone."""
    import orphans
    import streams

    orphans.adopt()
    handle(interrupt)
    try:
        code = _code_of(name, body, codes or {})
    except Interrupted as by:
        streams.discard_stdout()
        code = 128 + by.args[0]
    handle(kill_children)
    orphans.end_all()
    # All is done. At its end the interpreter would restore the default, which is to be killed.
    handle(signal.SIG_IGN)
    return code


def _code_of(name, body, codes):
    import streams
    from outputs import CannotWrite

    try:
        try:
            code = body()
        except SystemExit as end:  # argparse
            code = end.code
            if isinstance(code, str):
                streams.log(f"{name}: {code}")
                code = 1
        sys.stdout.flush()
        return code or 0
    except BrokenPipeError:
        streams.discard_stdout()
        return OUTPUT
    except tuple(codes) as error:
        streams.log(f"{name}: {error}")
        flush_stdout()
        return next(code for kind, code in codes.items() if isinstance(error, kind))
    except CannotWrite as error:
        streams.log(f"{name}: {error}")
        flush_stdout()
        return OUTPUT
    except OSError as error:
        streams.log(f"{name}: {error.filename or 'stdout'}: {error.strerror or error}")
        streams.discard_stdout()
        _trace()
        return OUTPUT
    except Exception as error:  # noqa: BLE001
        first = str(error).partition("\n")[0]
        what = f"{type(error).__name__}: {first}"
        streams.log(f"{name}: internal error: {what} ({TRACEBACK}=1 shows where)")
        _trace()
        flush_stdout()
        return OUTPUT


def flush_stdout():
    """Prints what is buffered; a failure changes nothing any more."""
    import streams

    try:
        sys.stdout.flush()
    except OSError:
        streams.discard_stdout()


def _trace():
    if os.environ.get(TRACEBACK):
        import traceback

        import streams

        streams.log(traceback.format_exc().rstrip())
