#!/usr/bin/python3
"""The manual pages: one for each command, with all of its options, models and exit codes, and no more."""

import json
import re
import shutil
import subprocess
import unittest

import installed

PROGRAMS = ("client", "echo_threads", "echo_async", "limits")
PAGES = {path.name: path.read_text() for path in sorted(installed.MANUALS.iterdir())}
SECTIONS = ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO")
ESCAPES = {r"\-": "-", r"\(aq": "'", r"\(ha": "^", r"\(ti": "~", r"\&": "", r"\e": "\\"}


def plain(roff):
    """The text of the source of a page, without fonts."""
    text = re.sub(r"\\f[BIR]", "", roff)
    return re.sub(r"\\(?:-|\(aq|\(ha|\(ti|&|e)", lambda match: ESCAPES[match[0]], text)


def section(page, title):
    return re.search(rf"^\.SH {re.escape(title)}\n(.*?)(?=^\.SH |\Z)", PAGES[page], re.M | re.S)[1]


def tags(text):
    """The lines below each .TP, plain."""
    return [plain(line) for line in re.findall(r"^\.TP\n(.*)$", text, re.M)]


def described(program):
    return json.loads(installed.run(installed.BIN / program, "--describe")[1])


def commands():
    lines = (installed.BUILD / "packaging" / "commands").read_text().splitlines()
    return [line.split("\t")[0] for line in lines]


class Pages(unittest.TestCase):
    def test_are_one_for_each_command_an_overview_and_the_terms(self):
        wanted = {"echo-testbed.1", "echo-testbed.7"} | {f"echo-testbed-{name}.1" for name in commands()}
        self.assertEqual(set(PAGES), wanted)

    def test_have_the_sections_of_a_manual(self):
        for page, text in PAGES.items():
            if page.endswith(".1"):
                titles = re.findall(r"^\.SH (.*)$", text, re.M)
                self.assertEqual([each for each in titles if each in SECTIONS], list(SECTIONS), page)
            self.assertRegex(text, r'(?m)^\.TH ECHO\S+ [17] \S+ "echo-testbed \d+\.\d+\.\d+" "Echo testbed"$')
            self.assertRegex(text, r"(?m)^echo\S+ \\- ([a-z]|[A-Z]{2}).*[^.]$")

    def test_have_a_text_for_each_option(self):
        for page, text in PAGES.items():
            self.assertEqual(re.findall(r"^\.TP\n(.*)\n\\&$", text, re.M), [], page)

    def test_name_only_pages_that_exist(self):
        for page, text in PAGES.items():
            for name, chapter in re.findall(r"(echo-testbed[\w-]*)\((\d)\)", plain(text)):
                self.assertIn(f"{name}.{chapter}", PAGES, page)

    def test_are_rendered_without_a_warning(self):
        if shutil.which("man"):
            for page in PAGES:
                words = ["man", "--warnings", "-E", "UTF-8", "-l", installed.MANUALS / page]
                done = subprocess.run(words, capture_output=True, text=True, timeout=60)
                self.assertEqual((done.returncode, done.stderr), (0, ""), page)
                self.assertGreater(len(done.stdout.splitlines()), 30)
        if shutil.which("mandoc"):
            for page in PAGES:
                words = ["mandoc", "-T", "lint", "-W", "warning", installed.MANUALS / page]
                done = subprocess.run(words, capture_output=True, text=True, timeout=60)
                left = [line for line in done.stdout.splitlines() if "cannot parse date" not in line]
                self.assertEqual(left, [], page)


class Programs(unittest.TestCase):
    def test_have_each_option_of_describe_with_its_sentence(self):
        for program in PROGRAMS:
            text = plain(section(f"echo-testbed-{program}.1", "OPTIONS"))
            shown = tags(section(f"echo-testbed-{program}.1", "OPTIONS"))
            for option in described(program)["options"]:
                names = [name for name in (option["short"], option["name"], option["negation"]) if name]
                tag = ", ".join(names)
                found = [each for each in shown if each == tag or each.startswith(tag + " ")]
                self.assertTrue(found, f"{program}: {tag}")
                if option["name"] != "--model":  # lists the models
                    self.assertIn(option["description"][1:], text, f"{program}: {tag}")

    def test_have_no_other_option(self):
        for program in PROGRAMS:
            known = {"-h", "--help", "--version", "--describe", "--list-models", "--hgrm", "--missing"}  # the last two of client merge
            known |= {"--interval", "-d", "--duration"}  # of limits watch
            for option in described(program)["options"]:
                known |= {option["short"], option["name"], option["negation"]}
            for tag in tags(section(f"echo-testbed-{program}.1", "OPTIONS")):
                if tag.startswith("-"):
                    self.assertLessEqual(set(re.findall(r"(?:^|, )(--?[\w-]+)", tag)), known, tag)

    def test_name_the_models_of_an_option_that_not_all_have(self):
        for program in ("echo_threads", "echo_async"):
            text = plain(section(f"echo-testbed-{program}.1", "OPTIONS"))
            document = described(program)
            for option in document["options"]:
                if option["models"]:
                    self.assertRegex(text, rf"{re.escape(option['description'])}\. Only: .*{option['models'][0]}")
            wanted = [model["name"] for model in document["models"]]
            self.assertEqual(tags(section(f"echo-testbed-{program}.1", "MODELS")), wanted)

    def test_defaults_that_follow_the_processors_are_not_those_of_the_build(self):
        text = plain(section("echo-testbed-echo_async.1", "OPTIONS"))
        if len(installed.os.sched_getaffinity(0)) > 1:
            self.assertIn("--workers N (one per processor)", text)

    def test_have_the_exit_codes_of_describe(self):
        for program in PROGRAMS:
            wanted = [str(one["code"]) for one in described(program)["exit_codes"]]
            self.assertEqual(tags(section(f"echo-testbed-{program}.1", "EXIT STATUS")), wanted)


class Scripts(unittest.TestCase):
    def help_of(self, name):
        script = installed.BUILD / "packaging" / "scripts" / name
        environment = installed.os.environ | {"COLUMNS": "1000"}
        return installed.run(script, "--help", env=environment)[1]

    def test_have_each_option_and_exit_code_of_the_help(self):
        for name in set(commands()) - set(PROGRAMS):
            text = self.help_of(name)
            page = f"echo-testbed-{name}.1"
            wanted = set(re.findall(r"^ {2,}(?:-\w(?: \w+)?, )?(--[\w-]+)", text, re.M))
            self.assertTrue(wanted, name)
            shown = " ".join(tags(section(page, "OPTIONS")))
            for option in wanted:
                self.assertIn(option, shown.replace(",", "").split(), f"{name}: {option}")
            codes = re.findall(r"(?:Exit |; |;\n)(\d+(?:, \d+)*):", text)
            self.assertEqual(tags(section(page, "EXIT STATUS")), codes, name)
            self.assertIn("130", " ".join(codes))


class Terms(unittest.TestCase):
    def test_are_those_of_the_terminology(self):
        markdown = (installed.SOURCE / "docs" / "terminology.md").read_text()
        text = plain(PAGES["echo-testbed.7"])
        terms = re.findall(r"^- \*\*([^*]+)\*\*", markdown, re.M)
        self.assertGreater(len(terms), 50)
        for term in terms:
            self.assertIn(term.replace("`", ""), text)
        for title in re.findall(r"^## (.*)$", markdown, re.M):
            self.assertIn(f".SH {title.upper()}\n", text)


if __name__ == "__main__":
    unittest.main()
