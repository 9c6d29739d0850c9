#!/usr/bin/python3
"""Checks every JSON document that a program writes against its schema in docs/schema.

The schemas are strict: a field that is missing, renamed, added or of another type is refused. To
show that the checks can fail, documents are also spoilt on purpose.
"""

import copy
import json
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import BIN, MODELS, SOURCE, Server, expect, skip  # noqa: E402

try:
    from jsonschema import Draft202012Validator
except ImportError:
    skip("python3-jsonschema is not installed (scripts/setup test)")

TIMEOUT = 60
VALIDATORS = {}
for name in ("client", "server", "limits", "limits-verify", "describe"):
    schema = json.loads((SOURCE / "docs" / "schema" / f"{name}.json").read_text())
    Draft202012Validator.check_schema(schema)
    VALIDATORS[name] = Draft202012Validator(schema)


def faults(kind, document):
    """The schema errors of `document`, one line each."""
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in VALIDATORS[kind].iter_errors(document)
    ]


def check(kind, document, what):
    found = faults(kind, document)
    expect(not found, f"{what} matches docs/schema/{kind}.json:\n  " + "\n  ".join(found[:10]))
    print(f"{what}: matches the schema")
    return document


class Folder:
    """The reports of one test, in its temporary folder."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def client(self, what, target, *arguments, codes=(0,)):
        """Runs the client and checks its document against the schema. Returns the document."""
        report = self.path / f"{what.replace(' ', '-')}.json"
        command = [BIN / "client", target, "--progress", "never", "--json", report, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
        expect(
            done.returncode in codes,
            f"{what}: ends with {codes}, not {done.returncode}:\n{done.stdout}{done.stderr}",
        )
        document = check("client", json.loads(report.read_text()), f"client, {what}")
        expect(
            document["exit_code"] == done.returncode,
            f"{what}: the document's exit code {document['exit_code']} is the program's",
        )
        return document


def silent_listener():
    """A listener on a free port with a long queue, from which nothing is accepted."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    return listener


def echo_with_a_changed_byte(listener):
    """Serves one connection and one message of 64 bytes."""
    connection, _ = listener.accept()
    with connection:
        message = bytearray(connection.recv(64, socket.MSG_WAITALL))
        message[33] ^= 0xFF
        connection.sendall(message)
        connection.recv(1)  # until the client closes


def loads(folder, target):
    passes = {
        "hold": ["-n", "50"],
        "hold with idle time": ["-n", "20", "-m", "3", "-d", "50ms"],
        "stream": ["-n", "20", "--mode", "stream", "-d", "300ms", "--warmup", "100ms"],
        "open loop": ["-n", "20", "--mode", "stream", "-R", "2000", "-d", "1s", "--label", "a=b"],
        "poisson arrivals": [
            *["-n", "20", "--mode", "stream", "-R", "2000", "--arrivals", "poisson", "-d", "300ms"]
        ],
        "churn": ["-n", "10", "--mode", "churn", "-d", "300ms"],
        "one of several": ["-n", "60", "--share", "1/3"],
        "an objective": ["-n", "20", "--mode", "stream", "-d", "500ms", "--slo", "max<1m"],
    }
    for what, arguments in passes.items():
        folder.client(what, target, *arguments)
    missed = folder.client("a missed objective", target, "-n", "100", "--slo", "p50<1ns", codes=[1])
    expect(missed["objectives"][0]["verdict"] == "missed", "p50<1ns is missed")
    return missed


def failures(folder):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: a connect is refused
        nothing = f"127.0.0.1:{unused.getsockname()[1]}"
        folder.client("nothing listens", nothing, "-n", "10", codes=[4])
    with silent_listener() as silent:
        target = f"127.0.0.1:{silent.getsockname()[1]}"
        folder.client("timeouts", target, "-n", "10", "--timeout", "300ms", codes=[1])
        folder.client("deadline", target, "-n", "10", "--deadline", "500ms", codes=[5])
    with silent_listener() as liar:
        threading.Thread(target=echo_with_a_changed_byte, args=[liar], daemon=True).start()
        target = f"127.0.0.1:{liar.getsockname()[1]}"
        changed = folder.client("a changed byte", target, "-n", "1", codes=[1])
        expect(changed["echoes"]["first_mismatch"]["offset"] == 33, "the changed byte is named")


def interrupted(folder, what, target, *arguments):
    """Stops a client with SIGINT after its first line of progress."""
    report = folder.path / "interrupted.json"
    process = subprocess.Popen(
        [BIN / "client", target, "-n", "10", "--json", report, "--progress", "always", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=TIMEOUT)
    expect(process.returncode == 130, f"{what} ends with 130, not {process.returncode}")
    document = check("client", json.loads(report.read_text()), f"client, {what}")
    expect(document["status"] == "interrupted", f"{what}: its status is interrupted")
    return document


def merged(folder):
    runs = [folder.path / "open-loop.json", folder.path / "poisson-arrivals.json"]
    together = folder.path / "merged.json"
    command = [BIN / "client", "merge", "--json", together]
    refused = subprocess.run([*command, *runs], capture_output=True, text=True, timeout=TIMEOUT)
    expect(refused.returncode == 2, f"different arrivals do not merge:\n{refused.stderr}")
    again = folder.path / "open-again.json"
    document = json.loads(runs[0].read_text())
    document["environment"]["time"] = "2030-01-02T03:04:05Z"
    again.write_text(json.dumps(document))
    done = subprocess.run(
        [*command, runs[0], again], capture_output=True, text=True, timeout=TIMEOUT
    )
    expect(done.returncode == 0, f"client merge ends with 0, not {done.returncode}: {done.stderr}")
    both = check("client", json.loads(together.read_text()), "client merge")
    expect(
        both["latency"]["echo"]["count"] == 2 * document["latency"]["echo"]["count"],
        "a run merged with its copy has twice its echoes",
    )


def servers(folder):
    """The reports of both servers and of their clients. Returns one report of each end."""
    for program, model in MODELS.items():
        report = folder.path / f"{program}.json"
        words = ["--model", model, "--max-connections", "200", "--json", report]
        if program == "echo_threads":
            words.append("--stack-report")
        with Server(program, *words) as server:
            target = f"127.0.0.1:{server.port}"
            client = loads(folder, target)
            if program == "echo_async":
                interrupted(folder, "interrupted", target, "-d", "60s")
                search = ["--find-rate", "p90<50ms"]
                found = interrupted(folder, "an interrupted search", target, *search)
                expect(found["find_rate"], "an interrupted search reports its result")
                merged(folder)
            folder.client("more than the server takes", target, "-n", "250", codes=[1])
            code, _ = server.stop()
            expect(code == 0, f"{program} ends with 0, not {code}")
        document = check("server", json.loads(report.read_text()), program)
        expect(document["connections"]["shed"], f"{program}: its document has what it shed")
        if program == "echo_threads":
            expect(document["stacks"]["painted_threads"] > 0, "painted stacks are in its document")
    return client, document


def described(program):
    """The document of --describe, held to the schema."""
    done = subprocess.run(
        [BIN / program, "--describe"], capture_output=True, text=True, timeout=TIMEOUT
    )
    expect(done.returncode == 0, f"{program} --describe ends with 0, not {done.returncode}")
    document = check("describe", json.loads(done.stdout), f"{program} --describe")
    expect(document["program"] == program, f"{program} describes itself: {document['program']}")
    models = {one["name"] for one in document["models"]}
    expect(bool(models) == (program in MODELS), f"only a server has models: {program} {models}")
    for option in document["options"]:
        expect(
            option["models"] is None or set(option["models"]) <= models,
            f"{program}: the models with {option['name']} are models of it: {option['models']}",
        )
    return document


def descriptions():
    """Those of all programs. Returns one that has every kind of field."""
    for program in ("client", "limits", "echo_threads"):
        described(program)
    document = described("echo_async")
    for change, value in (("type", "size"), ("words", None), ("unit", "bytes")):
        spoilt = copy.deepcopy(document)
        choice = next(one for one in spoilt["options"] if one["type"] == "choice")
        choice[change] = value
        expect(faults("describe", spoilt), f"a choice with the {change} {value} is refused")
    return document


def every_model(folder):
    """A short run against each model, with the series of its workers."""
    for program in MODELS:
        for model in [one["name"] for one in described(program)["models"]]:
            report = folder.path / f"{model}.json"
            words = ["--model", model, "--json", report, "--stats", "100ms", "--idle-timeout", "1m"]
            with Server(program, *words) as server:
                # As many as the model with the lowest limit serves at the same time.
                load = ["-n", "1", "--mode", "churn", "-d", "400ms"]
                folder.client(f"runs against {model}", f"127.0.0.1:{server.port}", *load)
                code, _ = server.stop()
                expect(code == 0, f"{model} ends with 0, not {code}")
            document = check("server", json.loads(report.read_text()), model)
            expect(document["series"], f"{model}: the series of its workers is in its document")
            messages = sum(worker["messages"] for worker in document["workers"])
            expect(
                messages == document["messages"]["count"] > 0,
                f"{model}: its workers' messages add up to the total, {messages}",
            )


def limits():
    for what, arguments, code in (
        ("enough", ["-n", "10"], 0),
        ("refused", ["-n", "1000M"], 3),
        ("of another model", ["-n", "100", "--model", "callbacks", "--ends", "server"], 0),
    ):
        done = subprocess.run(
            [BIN / "limits", *arguments, "--json"], capture_output=True, text=True, timeout=TIMEOUT
        )
        expect(done.returncode == code, f"limits {what}: ends with {code}, not {done.returncode}")
        document = check("limits", json.loads(done.stdout), f"limits, {what}")
    return document


def verified():
    """The limits that a confined process reaches. At least those that need no privilege are."""
    done = subprocess.run(
        [BIN / "limits", "--verify", "--json"], capture_output=True, text=True, timeout=TIMEOUT
    )
    expect(done.returncode in (0, 1), f"limits --verify ends with 0 or 1, not {done.returncode}")
    document = check("limits-verify", json.loads(done.stdout), "limits --verify")
    verdicts = {one["name"]: one["verdict"] for one in document["verified"]}
    expect(verdicts["open files"] == "ok", f"the limit of open files is where it says: {verdicts}")
    differing = "differs" in verdicts.values()
    expect(done.returncode == differing, f"exit {done.returncode} with the verdicts {verdicts}")
    return document


def paths_of(value, here=()):
    """The path of each key and of each list's first element, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*here, key)
            yield from paths_of(inner, (*here, key))
    elif isinstance(value, list) and value:
        yield from paths_of(value[0], (*here, 0))


FREE = {"options", "labels", "failed", "shed"}  # their keys are not fixed
FREE_IN = {"describe": {"libraries"}}  # instead, in the documents of this kind


def spoil(kind, document):
    """Removes, renames and retypes each field in turn: the schema must refuse each document."""
    tried = 0
    for path in list(paths_of(document)):
        if FREE_IN.get(kind, FREE) & set(path[:-1]):
            continue
        for how in ("missing", "renamed", "of another type"):
            spoilt = copy.deepcopy(document)
            place = spoilt
            for step in path[:-1]:
                place = place[step]
            was = place.pop(path[-1])
            if how == "renamed":
                place[f"{path[-1]}_"] = was
            elif how == "of another type":
                place[path[-1]] = [[was]]
            if path == ("merged_from",) and how == "missing":
                continue
            expect(faults(kind, spoilt), f"{kind}: {'/'.join(map(str, path))} {how} is refused")
            tried += 1
    print(f"{kind}: {tried} spoilt documents are refused")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Folder(name)
        failures(folder)
        client, server = servers(folder)
        every_model(folder)
    spoil("client", client)
    spoil("server", server)
    spoil("limits", limits())
    spoil("limits-verify", verified())
    spoil("describe", descriptions())


if __name__ == "__main__":
    main()
