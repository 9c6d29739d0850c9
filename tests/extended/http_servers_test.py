#!/usr/bin/python3
"""The client's HTTP against everybody's servers: nginx, node, aiohttp, and Python's http.server.

The first three keep their connections; http.server speaks HTTP/1.0 and closes after each response, so it
gets churn. nginx is used where it is installed: Debian's package starts it on a public port, so nothing
here installs it. What is not installed is named at the end, and the test then counts as skipped.
"""

import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import Run, end, expect, skip, wait_until_listening  # noqa: E402

CONNECTIONS = 100
BODY = "it works\n"

NODE = """
require('http').createServer((_, response) => response.end(process.argv[2]))
  .listen(Number(process.argv[1]), '127.0.0.1');
"""
AIOHTTP = """
import sys
from aiohttp import web

async def answer(_):
    return web.Response(text=sys.argv[2])

app = web.Application()
app.router.add_get("/", answer)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
"""
NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000; root {folder};
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port}; location / {{ index index.html; }} }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def nginx(port, folder):
    settings = pathlib.Path(folder) / "nginx.conf"
    settings.write_text(NGINX.format(folder=folder, port=port), encoding="utf-8")
    return ["nginx", "-p", folder, "-c", str(settings)]


SERVERS = {
    "nginx": (nginx, "stream"),
    "node": (lambda port, _: ["node", "-e", NODE, str(port), BODY], "stream"),
    "aiohttp": (lambda port, _: ["/usr/bin/python3", "-c", AIOHTTP, str(port), BODY], "stream"),
    "http.server": (lambda port, folder: ["/usr/bin/python3", "-m", "http.server", "-d", folder,
                                          "-b", "127.0.0.1", str(port)], "churn"),
}


def is_installed(name):
    if name == "aiohttp":
        probe = ["/usr/bin/python3", "-c", "import aiohttp"]
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0
    return name == "http.server" or shutil.which(name) is not None


def load(name, folder):
    command, mode = SERVERS[name]
    port = free_port()
    with open(pathlib.Path(folder) / "log", "wb") as log:
        server = subprocess.Popen(command(port, folder), stdout=log, stderr=log)
    try:
        wait_until_listening(port, server)
        options = ["--mode", mode, "--duration", "2s", "--expect-body", BODY]
        many = 5 if mode == "churn" else CONNECTIONS  # http.server queues five
        run = Run(f"{port}/", many, *options, scheme="http://")
        expect(run.code == 0, f"{name}: the client ends with 0, not {run.code}:\n{run.text}{run.errors}")
        served = run.document["connections"]["served"]
        memory = run.document["memory"]["server"]
        expect(memory and memory["rss"], f"{name}: its resident memory is known: {memory}")
        print(f"{name}: {served:,} connections served, {run.document['echoes']['verified']:,} responses, "
              f"{memory['rss']:,} B resident", flush=True)
    finally:
        end(server)


def main():
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "index.html").write_text(BODY, encoding="utf-8")
        for name in SERVERS:
            if is_installed(name):
                load(name, folder)
    absent = [name for name in SERVERS if not is_installed(name)]
    if absent:
        skip(f"not installed: {', '.join(absent)}")


if __name__ == "__main__":
    main()
