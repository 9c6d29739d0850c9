#!/usr/bin/python3
"""scripts/compare-models from command line to exit code, with runs too short for meaningful figures,
against the real servers and against one whose models crash, refuse to start, or let clients wait."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import BIN, SOURCE, expect, first_line  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = SOURCE / "scripts" / "compare-models"
SHORT = ("-n", "10", "--rounds", "1", "--seconds", "0.2", "--warm-up", "0.05")
TWO = ("--models", "thread-per-connection", "--models", "echo_async:callbacks")
MARKERS = "<!-- compare-models -->\n<!-- /compare-models -->\n"


def compare(wanted, *arguments, binaries=BIN):
    command = [PROGRAM, "--bin", binaries, *SHORT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    said = f"{' '.join(map(str, arguments))}:\n{done.stdout}{done.stderr}"
    expect(done.returncode == wanted, f"ends with {wanted}, not {done.returncode}: {said}")
    return done.stdout, done.stderr


def two_models(folder):
    report, page = folder / "all.json", folder / "page.md"
    page.write_text(f"before\n{MARKERS}after\n")
    output, errors = compare(0, *TWO, "--json", report, "--into", page, "--seed", "7")
    document = json.loads(report.read_text())
    expect(document["exit_code"] == 0 and document["seed"] == 7, f"its exit code and seed: {document}")
    expect(len(document["runs"]) == 4, f"one run per model and mode: {document['runs']}")
    for run in document["runs"]:
        figures = run["figures"]
        expect(run["outcome"] == "measured" and not run["failed"], f"all were served: {run}")
        expect(figures["served"] == figures["requested"] > 0, f"all were served: {run}")
        expect(figures["server_ns"] > 0 and figures["echoes_per_s"] > 0, f"figures: {run}")
    for words in ("stream, 10 connections", "churn, 10 connections", "10/10", "Not pinned: "):
        expect(words in output, f"{words!r} is in the output:\n{output}")
    rows = [line for line in output.splitlines() if line.startswith("echo_")]
    expect(len(rows) == 4, f"one row per model and mode:\n{output}")
    expect("round 1 of 1, run 1 of 4" in errors, f"progress on stderr:\n{errors}")
    text = page.read_text()
    expect(text.startswith("before\n<!-- compare-models -->\n**stream"), f"the page: {text}")
    expect(text.endswith("<!-- /compare-models -->\nafter\n"), f"the page: {text}")
    again, _ = compare(0, "--from", report)
    expect(again == output, f"--from shows the same:\n{again}\n{output}")
    converted = folder / "converted"
    compare(0, "--from", report, "--out", converted)
    again, _ = compare(0, "--from", converted)
    expect(again == output, f"and so does the folder made of it:\n{again}\n{output}")


def a_folder(folder):
    """--out keeps each run as a line; --from shows the whole of it, or a part."""
    out, page = folder / "results" / "two", folder / "page.md"
    output, _ = compare(0, *TWO, "--mode", "stream", "--out", out)
    lines = (out / "runs.jsonl").read_text().splitlines()
    models = sorted(json.loads(line)["model"] for line in lines)
    expect(models == ["echo_async:callbacks", "echo_threads:thread-per-connection"], f"{lines}")
    experiment = json.loads((out / "experiment.json").read_text())
    expect(experiment["exit_code"] == 0 and "runs" not in experiment, f"its end: {experiment}")
    again, _ = compare(0, "--from", out)
    expect(again == output, f"--from shows the same:\n{again}\n{output}")
    page.write_text("<!-- compare-models: short -->\n<!-- /compare-models: short -->\n")
    part, _ = compare(0, "--from", out, "--short", "--models", "callbacks", "--into", page)
    expect("10/10" in part and "thread-per-connection" not in part, f"a part:\n{part}")
    expect("| callbacks | 10/10 |" in page.read_text(), f"the page: {page.read_text()}")
    _, errors = compare(2, *TWO, "--out", out)
    expect("not empty" in errors, f"a folder with results is refused: {errors}")
    _, errors = compare(2, "--from", out, "--models", "no-such-model")
    expect("no-such-model" in errors, f"names what is wrong: {errors}")
    _, errors = compare(2, *TWO, "--out", page / "below-a-file")
    expect("below-a-file" in errors, f"names what cannot be written: {errors}")


def odd_models(folder):
    """A crash is a failure and is reported as one; a refusal and a pool are not."""
    for program in ("client", "echo_async"):
        (folder / program).symlink_to(BIN.resolve() / program)
    (folder / "echo_threads").symlink_to(HERE / "odd_server.py")
    one = ("--mode", "stream", "--models")
    output, _ = compare(0, *one, "pool", "--models", "refusing", binaries=folder)
    expect("2/10" in output, f"a pool serves two:\n{output}")
    expect("serves 2 at once; failed: timeout 8" in output, f"and the row says so:\n{output}")
    expect("REFUSED: odd: the kernel refuses it" in output, f"the server's own line:\n{output}")
    report = folder / "all.json"
    output, errors = compare(
        1, *one, "crashing", "--models", "callbacks", "--json", report, binaries=folder
    )
    expect("FAILED: server ended with -11 (SIGSEGV)" in output, f"a crash is named:\n{output}")
    expect("left behind: 1" in output, f"and the number of processes left behind:\n{output}")
    expect("10/10" in output, f"the other models still run:\n{output}")
    expect("SIGSEGV" in errors, f"failures are repeated at the end:\n{errors}")
    runs = json.loads(report.read_text())["runs"]
    expect(sorted(run["outcome"] for run in runs) == ["failed", "measured"], f"both: {runs}")


def interruption(folder):
    """After an interruption, what was measured until then is printed and written."""
    report = folder / "cut.json"
    command = [PROGRAM, "--bin", BIN, *TWO, *SHORT, "--rounds", "500", "--json", report]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        first_line(process, process.stderr)
        deadline = time.monotonic() + 60
        while not report.exists() and process.poll() is None:
            expect(time.monotonic() < deadline, "the document of the first round within a minute")
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    expect(process.returncode == 130, f"ends with 130, not {process.returncode}:\n{errors}")
    expect("stream, 10 connections" in output, f"the tables so far:\n{output}{errors}")
    document = json.loads(report.read_text())
    expect(document["exit_code"] == 130 and document["runs"], f"the runs so far: {document}")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for each in (two_models, a_folder, odd_models, interruption):
            (folder / each.__name__).mkdir()
            each(folder / each.__name__)
        output, _ = compare(1, *TWO, "--time", "0.1")
        expect("NOT REACHED" in output, f"the time limit is kept:\n{output}")
        for wrong in (
            ("-n", "0"),
            ("--models", "no-such-model"),
            ("--cpus", "0"),
            ("--rounds", "0"),
            ("--time", "soon"),
            ("--into", folder / "no-such-page.md"),
            ("--json", folder / "no-such-folder" / "all.json"),
        ):
            _, errors = compare(2, *wrong)
            expect(wrong[0].lstrip("-") in errors, f"names the wrong option: {errors}")
        compare(3, binaries=folder)


if __name__ == "__main__":
    main()
