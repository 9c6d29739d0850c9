#!/usr/bin/python3
"""The examples of the manuals that take longer. Some get an option that bounds them (examples.RULES)."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "packaging"))
import examples  # noqa: E402

examples.run_all(quick=False)
