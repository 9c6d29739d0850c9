"""What scripts/demo computes from the documents of the programs.

    demo_command.py fit WANTED LIMITS.json...    how many connections fit, on stdout
    demo_command.py show FOLDER MODEL...         table and answer of a demo; FOLDER/answer.json
    demo_command.py from ANSWER.json             table and answer, of an earlier demo

`show` reads FOLDER/MODEL.{burst,paced,server}.{json,exit} and FOLDER/ceiling.MODEL.json. Exit 0:
every run passed; 1: a run failed; 2: usage, or no answer in the file. Needs Python's standard
library only.
"""

import sys

import entry_point

if __name__ == "__main__":
    entry_point.prepare()  # before the imports that take time

import argparse
import json
import pathlib
import textwrap

import answer_form
import demo_answer
import demo_figures
import demo_limits
import demo_table
import documents
import outputs
import streams
import version

ANSWER_MARKERS = ("<!-- answer -->", "<!-- /answer -->")
PAGE_WIDTH = 118
NOTES_IN_PAGE = 3  # a busy machine gives a dozen, and a page has to stay short
TERMINAL_WIDTH = 100

READING = """\
How to read it
  Resident counts the pages of the server process. Kernel counts slab, kernel stacks, page tables
  and socket buffers of both ends, so about 4 KB in either column belong to the client. Free memory
  is what the machine lost; it includes up to 32 KiB that the kernel keeps for each thread that has
  sent. Latency starts when a message was due (open loop), so a stall counts for each message
  that waited. CPU per echo is lower in a burst, because one wake-up serves many messages.

Next
"""
NEXT = """\
  cd build/bin; ulimit -n 10100; ./echo_threads & ./client -n 10000    by hand
  build/bin/limits -n 100k                                             what 100,000 would need
  scripts/stack-sweep                                                  a first experiment
"""
NEXT_INSTALLED = """\
  ulimit -n 10100; echo-testbed echo_threads & echo-testbed client -n 10000    by hand
  echo-testbed limits -n 100k                                                  what 100,000 would need
  echo-testbed stack-sweep                                                     a first experiment
"""


class NoAnswer(Exception):
    """The file holds no answer; one line."""


# ---- blocks of a page ----------------------------------------------------------------------------
def wrapped(sentences, width, indent=""):
    return textwrap.fill(
        " ".join(sentences),
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def answer_block(answer):
    return "\n\n".join(wrapped(part, PAGE_WIDTH) for part in demo_answer.paragraphs(answer))


def table_block(answer):
    parts = [demo_table.as_markdown(demo_table.rows_of(answer)), f"{demo_table.about(answer)}."]
    notes = [f"- {note}" for note in answer["notes"][:NOTES_IN_PAGE]]
    if len(answer["notes"]) > NOTES_IN_PAGE:
        notes.append(f"- {len(answer['notes']) - NOTES_IN_PAGE} more notes are in answer.json")
    if notes:
        parts.append("\n".join(notes))
    return "\n\n".join(parts)


def blocks_of(answer):
    """(markers, text) of each block of a page that an answer gives."""
    return [(ANSWER_MARKERS, answer_block(answer)), (demo_table.MARKERS, table_block(answer))]


def put_into(page, answer):
    for markers, text in blocks_of(answer):
        demo_table.put_into(page, text, markers)


# ---- commands ------------------------------------------------------------------------------------
def read_answer(path):
    try:
        answer = documents.read_json(path)
        reason = answer_form.problem(answer)
    except OSError as error:
        reason = error.strerror
    except ValueError as error:
        reason = f"not JSON ({error})"
    if reason:
        raise NoAnswer(f"{path}: no answer of a demo: {reason}")
    return answer


def write_answer(path, answer):
    outputs.replace(path, json.dumps(answer, indent=2) + "\n")


def print_answer(answer, markdown):
    if markdown:
        print(f"{table_block(answer)}\n\n{answer_block(answer)}")
        return
    print(f"{demo_table.about(answer)}\n\n{demo_table.as_text(demo_table.rows_of(answer))}")
    if answer["notes"]:
        print("\n" + "\n".join("note: " + line for line in answer["notes"]))
    print("\nAnswer")
    for part in demo_answer.paragraphs(answer):
        print(wrapped(part, TERMINAL_WIDTH, "  "))


def show(arguments):
    models = [demo_figures.Runs(arguments.folder, model) for model in arguments.models]
    answer = demo_figures.answer_of(models, arguments.wanted, arguments.asked)
    problems = [line for model in models for line in model.problems]
    write_answer(arguments.folder / "answer.json", answer)
    print_answer(answer, arguments.markdown)
    if not arguments.markdown:
        print("\n" + READING + (NEXT_INSTALLED if version.INSTALLED else NEXT), end="")
    if problems:
        print("\nFAILED\n" + "\n".join("  " + line for line in problems))
        return 1
    if arguments.into:
        put_into(arguments.into, answer)
        print(f"\nAnswer and table are in {arguments.into} now.")
    if arguments.keep:
        write_answer(arguments.keep, answer)
        print(f"Their figures are in {arguments.keep}.")
    return 0


def show_earlier(arguments):
    answer = read_answer(arguments.answer)
    print_answer(answer, arguments.markdown)
    if arguments.into:
        put_into(arguments.into, answer)
        print(f"\nAnswer and table are in {arguments.into} now.")
    return 0


def main():
    parser = argparse.ArgumentParser(description="The table and the answer of scripts/demo.")
    commands = parser.add_subparsers(dest="command", required=True)
    fitting = commands.add_parser("fit", help="how many connections fit")
    fitting.add_argument("wanted", type=int)
    fitting.add_argument("limits", nargs="+", type=pathlib.Path)
    showing = commands.add_parser("show", help="table and answer of a demo")
    showing.add_argument("--wanted", type=int, required=True)
    showing.add_argument("--asked", type=int, required=True)
    showing.add_argument("--keep", type=pathlib.Path)
    showing.add_argument("folder", type=pathlib.Path)
    showing.add_argument("models", nargs="+")
    earlier = commands.add_parser("from", help="table and answer of an earlier demo")
    earlier.add_argument("answer", type=pathlib.Path)
    for command in (showing, earlier):
        command.add_argument("--markdown", action="store_true")
        command.add_argument("--into", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.command == "fit":
        print(demo_limits.fit(arguments.wanted, arguments.limits))
        return 0
    return show(arguments) if arguments.command == "show" else show_earlier(arguments)


if __name__ == "__main__":
    sys.exit(entry_point.run("scripts/demo", main, {NoAnswer: 2, demo_limits.Unreadable: 3}))
