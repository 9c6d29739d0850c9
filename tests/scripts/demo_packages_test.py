#!/usr/bin/python3
"""What scripts/demo installs in a source tree: what it needs itself, then gnuplot, which the page of the
first experiment needs. In place of scripts/setup and cmake it meets programs that write down their arguments."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
SETUP = '#!/bin/sh\necho "$@" >>"$CALLS"\ncase "$FAILS" in *"$1"*) echo "missing: $1" >&2; exit 3 ;; esac\n'
CMAKE = "#!/bin/sh\nexit 1\n"  # the demo ends here


class Packages(unittest.TestCase):
    def demo(self, fails=""):
        """(exit code, stderr, the calls of setup)"""
        with tempfile.TemporaryDirectory() as name:
            tree = pathlib.Path(name)
            shutil.copytree(SOURCE / "scripts", tree / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
            for path, text in (("scripts/setup", SETUP), ("path/cmake", CMAKE)):
                (tree / path).parent.mkdir(exist_ok=True)
                (tree / path).write_text(text)
                (tree / path).chmod(0o755)
            more = {"PATH": f"{tree / 'path'}:{os.environ['PATH']}", "CALLS": str(tree / "calls"), "FAILS": fails}
            done = subprocess.run(
                [tree / "scripts" / "demo"], env=os.environ | more, stdin=subprocess.DEVNULL, capture_output=True,
                text=True, timeout=60,
            )  # fmt: skip
            return done.returncode, done.stderr, (tree / "calls").read_text().splitlines()

    def test_have_gnuplot_for_the_page_of_the_next_step(self):
        code, errors, calls = self.demo()
        self.assertEqual((code, calls), (3, ["build", "report"]), errors)
        self.assertIn("CMake cannot configure", errors)

    def test_without_gnuplot_the_demo_goes_on(self):
        code, errors, calls = self.demo(fails="report")
        self.assertEqual((code, calls), (3, ["build", "report"]), errors)
        self.assertIn("without gnuplot, experiments make no page (above)", errors)
        self.assertIn("CMake cannot configure", errors)

    def test_without_a_compiler_it_ends(self):
        code, errors, calls = self.demo(fails="build")
        self.assertEqual((code, calls), (3, ["build"]), errors)
        self.assertNotIn("CMake", errors)


if __name__ == "__main__":
    unittest.main()
