#!/usr/bin/python3
"""The client against every registered model with --protocol http: each of its modes, GET and POST.

Every response is verified, the server's report counts as many requests as the client sent, and a
server that closes each connection after a response is served by connections that are opened again.
And against Python's http.server, which speaks HTTP/1.0 and closes each connection.
"""

import functools
import http.server
import json
import pathlib
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import BIN, MODELS, Server, expect, is_left_out, models_of  # noqa: E402

CONNECTIONS = 6
#: What is tried on every model: arguments, and messages per connection (None: any number).
POSTS = [
    (["-m", "4", "-s", "1-20K", "--depth", "3"], 4),
    (["-s", "300K"], 1),
    (["--mode", "stream", "-m", "20", "-R", "2000"], 20),
]
CHURN = ["--mode", "churn", "-m", "2", "-d", "50ms"]


def loaded(target, connections, *arguments):
    """The document of a run that must pass."""
    command = [BIN / "client", *target, "-n", str(connections), "--progress", "never", *arguments]
    done = subprocess.run([*command, "--json", "-"], capture_output=True, timeout=100)
    said = f"{' '.join(map(str, command))}: {done.stdout.decode()[-1500:]}{done.stderr.decode()}"
    expect(done.returncode == 0, f"exit 0, not {done.returncode}: {said}")
    document = json.loads(done.stdout)
    expect(document["protocol"] == "http", f"the protocol is in the document: {said}")
    counts = document["connections"]
    expect(counts["served"] == counts["requested"], f"all are served: {said}")
    return document


def requests(port, connections):
    """Runs the client in its modes. Returns how many requests it sent."""
    posts = ["--protocol", "http", f"127.0.0.1:{port}"]
    sent = 0
    for arguments, each in POSTS:
        document = loaded(posts, connections, *arguments)
        verified = document["echoes"]["verified"]
        wanted = connections * each
        expect(verified == wanted, f"{arguments}: {wanted} verified, not {verified}")
        sent += document["echoes"]["sent"]
    sent += loaded(posts, connections, *CHURN)["echoes"]["sent"]
    url = [f"http://127.0.0.1:{port}/", "--expect-body", "ok", "--header", "X-Test: 1"]
    return sent + loaded(url, connections, "-m", "3")["echoes"]["sent"]


def every_model(folder):
    for program in MODELS:
        for described in models_of(program):
            model = described["name"]
            if is_left_out(program, model):
                print(f"{model}: left out")
                continue
            connections = min(CONNECTIONS, described["at_once"] or CONNECTIONS)
            report = folder / f"{model}.json"
            arguments = ["--model", model, "--protocol", "http", "--json", report]
            with Server(program, *arguments) as server:
                sent = requests(server.port, connections)
                code, _ = server.stop()
            expect(code == 0, f"{model}: exit 0, not {code}")
            counted = json.loads(report.read_text())["messages"]["count"]
            expect(counted == sent, f"{model}: {sent} requests were sent, {counted} are counted")
            print(f"{model}: {sent} requests over {connections} connections")


def closing_servers():
    for program in MODELS:
        with Server(program, "--protocol", "http", "--http-close", "announced") as server:
            url = [f"http://127.0.0.1:{server.port}/", "--expect-body", "ok"]
            document = loaded(url, CONNECTIONS, "--mode", "stream", "-m", "5")
            again = document["connections"]["reconnects"]
            wanted = CONNECTIONS * 4
            expect(again == wanted, f"{program}: {wanted} reconnects, not {again}")
            loaded(url, CONNECTIONS)
            loaded(url, CONNECTIONS, "--mode", "churn", "-d", "200ms")
            loaded([f"http://127.0.0.1:{server.port}/none", "--expect-status", "404"], CONNECTIONS)
    print("closing servers: connections are opened again")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def pythons_server(folder):
    (folder / "page").write_bytes(bytes(range(256)) * 1000)
    handler = functools.partial(QuietHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = [f"http://127.0.0.1:{server.server_port}/page", "--expect-body", f"@{folder}/page"]
        loaded(url, 3)
        loaded(url, 3, "--mode", "stream", "-m", "4")
        loaded(url, 3, "--mode", "churn", "-d", "200ms")
        server.shutdown()
    print("http.server: served")


def main():
    with tempfile.TemporaryDirectory() as folder:
        pythons_server(pathlib.Path(folder))
        closing_servers()
        every_model(pathlib.Path(folder))


main()
