#!/usr/bin/python3
"""curl against every registered model with --protocol http: a client that is not ours.

Versions 1.0 and 1.1, GET, HEAD, OPTIONS, an upload by length and in chunks with `Expect:
100-continue`, several requests on one connection, and an error. Then the report of the server counts
each of these requests.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import MODELS, Server, expect, is_left_out, models_of, skip  # noqa: E402

UPLOAD = bytes(range(256)) * 8192  # 2 MiB
ALPHABET = b"abcdefghijklmnopqrstuvwxyz"

if not shutil.which("curl"):
    skip("curl is not installed (scripts/setup test)")


def curl(*arguments, stdin=b""):
    """What curl writes to stdout. It fails for what is no HTTP."""
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "60", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=90)
    ended = f"{' '.join(command)} ends with 0, not {done.returncode}: {done.stderr}"
    expect(done.returncode == 0, ended)
    return done.stdout


def requests(url):
    """Makes the requests, checks each answer, and returns how many there were."""
    pattern = (ALPHABET * 4000)[:100_000]
    to_null = ["--output", "/dev/null"]
    chunked = ["--header", "Transfer-Encoding: chunked", "--header", "Expect: 100-continue"]
    cases = [
        ("GET", [url], b"ok", 1),
        ("HTTP/1.0", ["--http1.0", url], b"ok", 1),
        ("HTTP/1.0, keep-alive", ["--http1.0", "--header", "Connection: keep-alive", url, url], b"okok", 2),
        ("three on a connection", [url, f"{url}bytes/30", url],
         b"ok" + (ALPHABET * 2)[:30] + b"ok", 3),
        ("a long body", [f"{url}bytes/{len(pattern)}"], pattern, 1),
        ("HEAD", ["--head", *to_null, "--write-out", "%header{content-length}", f"{url}bytes/77"],
         b"77", 1),
        ("OPTIONS", ["--request", "OPTIONS", "--request-target", "*", "--write-out",
                     "%{http_code}", url], b"200", 1),
        ("an upload by length", ["--data-binary", "@-", f"{url}echo"], UPLOAD, 1),
        ("an upload in chunks", [*chunked, "--data-binary", "@-", f"{url}echo"], UPLOAD, 1),
        ("an unknown path", ["--write-out", " %{http_code}", f"{url}none"], b"Not Found 404", 1),
        ("one connection", [*to_null, *to_null, "--write-out", "%{num_connects}", url, url],
         b"10", 2),
    ]
    for what, arguments, expected, _ in cases:
        got = curl(*arguments, stdin=UPLOAD)
        expect(got == expected, f"{what}: {len(got)} bytes as expected: {got[:80]}")
    return sum(count for *_, count in cases)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for program in MODELS:
            for model in (described["name"] for described in models_of(program)):
                if is_left_out(program, model):
                    print(f"{model}: left out")
                    continue
                report = pathlib.Path(folder) / f"{model}.json"
                arguments = ["--model", model, "--protocol", "http", "--json", report]
                with Server(program, *arguments) as server:
                    made = requests(f"http://127.0.0.1:{server.port}/")
                    code, _ = server.stop()
                expect(code == 0, f"{model}: exit 0, not {code}")
                document = json.loads(report.read_text())
                expect(document["protocol"] == "http", f"{model}: the report names the protocol")
                counted = document["messages"]["count"]
                expect(counted == made, f"{model}: {made} requests are counted, not {counted}")
                print(f"{model}: {made} requests")


main()
