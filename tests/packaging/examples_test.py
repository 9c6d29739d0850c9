#!/usr/bin/python3
"""The quick examples of the manuals, as they are printed. The others: tests/extended/examples_test.py."""

import examples

examples.run_all(quick=True)
