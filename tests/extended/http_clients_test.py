#!/usr/bin/python3
"""Everybody's HTTP clients against every model with --protocol http: wrk, ab, h2load, httperf, siege, curl.

Each model gets as many connections at a time as it serves at once, at most 50. curl uploads 100 MiB, in
chunks after 100-continue and with a length, of which every byte must come back. A client
that is not installed is named at the end (scripts/setup extended installs them), and the test then counts
as skipped.

    http_clients_test.py [MODEL]...
"""

import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import MODELS, Server, expect, models_of, skip  # noqa: E402

UPLOAD = 100 << 20
PATIENCE = 300  # seconds for one run of a client


def output_of(command, **options):
    ended = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                           timeout=PATIENCE, check=False, **options)
    expect(ended.returncode == 0, f"{command} ends with 0, not {ended.returncode}: {ended.stderr}")
    return ended.stdout + ended.stderr


def number_in(text, pattern):
    found = re.search(pattern, text)
    expect(found is not None, f"{pattern!r} in {text}")
    return int(found[1])


def wrk(url, at_once, _folder):
    text = output_of(["wrk", "-t1", f"-c{at_once}", "-d1", url])
    expect("Socket errors" not in text and "Non-2xx" not in text, f"wrk sees no error: {text}")
    return number_in(text, r"(\d+) requests in")


def ab_once(url, at_once, *options):
    text = output_of(["ab", "-q", "-n", "500", "-c", at_once, *options, url])
    expect("Non-2xx" not in text, f"ab gets 2xx only: {text}")
    expect(number_in(text, r"Failed requests:\s+(\d+)") == 0, f"ab has no failure: {text}")
    if options:
        expect(number_in(text, r"Keep-Alive requests:\s+(\d+)") == 500, f"ab keeps alive: {text}")
    return number_in(text, r"Complete requests:\s+(\d+)")


def ab(url, at_once, _folder):
    counts = [ab_once(url, at_once), ab_once(url, at_once, "-k")]
    expect(counts == [500, 500], f"ab completes 500 each: {counts}")
    return sum(counts)


def h2load(url, at_once, _folder):
    text = output_of(["h2load", "--h1", "-n500", f"-c{at_once}", url])
    expect("500 succeeded, 0 failed, 0 errored, 0 timeout" in text, f"h2load succeeds: {text}")
    return 500


def httperf(url, _at_once, _folder):
    port = url.rpartition(":")[2].strip("/")
    text = output_of(["httperf", "--server", "127.0.0.1", "--port", port, "--uri", "/",
                      "--num-conns", "50", "--num-calls", "10", "--timeout", "20"])
    expect("Errors: total 0 " in text, f"httperf has no error: {text}")
    expect(number_in(text, r"2xx=(\d+)") == 500, f"httperf gets 500 times 2xx: {text}")
    return 500


def siege(url, at_once, folder):
    settings = pathlib.Path(folder) / "siegerc"
    settings.write_text("connection = keep-alive\nlimit = 255\nlogging = false\n", encoding="utf-8")
    text = output_of(["siege", "-R", settings, "-b", "-j", f"-c{at_once}", "-r20", url],
                     env={"HOME": folder, "PATH": "/usr/bin:/bin", "LC_ALL": "C"})
    figures = json.loads(text[text.index("{"):text.rindex("}") + 1])
    expect(figures["failed_transactions"] == 0, f"siege has no failure: {figures}")
    expect(figures["transactions"] == 20 * at_once, f"siege completes {20 * at_once}: {figures}")
    return figures["transactions"]


def write_upload(folder, size):
    """Writes the file that curl uploads, `size` bytes, a multiple of 64 KiB."""
    block = hashlib.sha512(b"upload").digest() * 1024
    (pathlib.Path(folder) / "upload").write_bytes(block * (size // len(block)))


def curl_upload(url, folder, *headers):
    """Uploads the big file, and compares what came back without keeping it."""
    sent = pathlib.Path(folder) / "upload"
    command = ["curl", "-sS", "-f", "-X", "POST", *headers, "-T", str(sent), f"{url}echo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as curl:
        came_back = hashlib.sha256()
        while piece := curl.stdout.read(1 << 20):
            came_back.update(piece)
        status = curl.wait(PATIENCE)
    expect(status == 0, f"{command} ends with 0, not {status}")
    expect(came_back.digest() == hashlib.sha256(sent.read_bytes()).digest(),
           f"{command} gets its bytes back")


def curl(url, _at_once, folder):
    """tests/programs/curl_test.py has the other requests."""
    curl_upload(url, folder, "-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue")
    curl_upload(url, folder, "-H", "Expect:")
    return 2


CLIENTS = (curl, wrk, ab, h2load, httperf, siege)


def serve(program, model, at_once, clients, folder):
    counts = {}
    for client in clients:
        # A server each: httperf and ab leave connections that a pool would still wait for.
        with Server(program, "--model", model, "--protocol", "http") as server:
            url = f"http://127.0.0.1:{server.port}/"
            counts[client.__name__] = client(url, min(at_once or 50, 50), folder)
    print(f"{model}: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()), flush=True)


def main(wanted):
    clients = [client for client in CLIENTS if shutil.which(client.__name__)]
    with tempfile.TemporaryDirectory() as folder:
        write_upload(folder, UPLOAD)
        for program in MODELS:
            for described in models_of(program):
                model = described["name"]
                if not wanted or model in wanted:
                    serve(program, model, described["at_once"], clients, folder)
    if len(clients) < len(CLIENTS):
        absent = [client.__name__ for client in CLIENTS if client not in clients]
        skip(f"not installed: {', '.join(absent)} (scripts/setup extended)")


if __name__ == "__main__":
    main(sys.argv[1:])
