"""The command line that the rules of this tree share: ROOT to examine, or --self-test."""

import sys
from pathlib import Path


def run(usage, examine, self_test, absent, obeyed):
    """Ends the program: 0 if the tree obeys, 1 after a line for each violation, 2 for bad usage.

    `examine(root)` returns the lines and how much it has examined; `absent` names what a root without
    anything to examine lacks; `obeyed` is the line of a tree that obeys, with {} for how much that is.
    """
    arguments = sys.argv[1:]
    if arguments == ["--self-test"]:
        sys.exit(self_test())
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(usage, file=sys.stderr)
        sys.exit(2)
    found, examined = examine(Path(arguments[0]).resolve())
    if examined == 0 and not found:
        print(f"{arguments[0]} holds {absent}", file=sys.stderr)
        sys.exit(2)
    print("\n".join(found) if found else obeyed.format(examined))
    sys.exit(1 if found else 0)
