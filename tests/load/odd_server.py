#!/usr/bin/python3
"""A server for tests of scripts/compare-models. Its models behave as the real ones should not.

pool      serves two connections at once, one after another; the others wait
refusing  does not start: exit 3, and one line with the reason
crashing  ends by SIGSEGV at its first connection, and leaves a child behind
"""

import json
import os
import pathlib
import signal
import socket
import sys
import threading
import time

MODELS = ("pool", "refusing", "crashing")
AT_ONCE = 2


def value_of(option):
    return sys.argv[sys.argv.index(option) + 1]


def serve_one_after_another(listener):
    while True:
        peer, _ = listener.accept()
        with peer:
            try:
                while received := peer.recv(1024):
                    peer.sendall(received)
            except OSError:
                pass


def crash(listener):
    listener.accept()
    if os.fork() == 0:
        listener.close()
        time.sleep(60)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGSEGV)


def write_document():
    connections = {"at_once": AT_ONCE, "shed": {}}
    document = {"connections": connections, "workers": [{}] * AT_ONCE, "replaced": 0}
    document |= {"balance": {"cpu": {"cv": 0.25}, "connections": None}, "queue_wait": None}
    pathlib.Path(value_of("--json")).write_text(json.dumps(document))


def main():
    if "--describe" in sys.argv:
        models = [{"name": model, "summary": "a model for tests"} for model in MODELS]
        return print(json.dumps({"schema": "echo-testbed-describe/1", "models": models}))
    if value_of("--model") == "refusing":
        print("odd: the kernel refuses it", file=sys.stderr)
        sys.exit(3)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    os.write(int(value_of("--ready-fd")), b"%d\n" % listener.getsockname()[1])
    os.close(int(value_of("--ready-fd")))
    work = crash if value_of("--model") == "crashing" else serve_one_after_another
    for _ in range(AT_ONCE):
        threading.Thread(target=work, args=(listener,), daemon=True).start()
    signal.sigwait({signal.SIGTERM})
    write_document()


if __name__ == "__main__":
    main()
