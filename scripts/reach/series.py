"""Follows the file that `client --series` writes while it runs: a line of JSON per interval."""

import contextlib
import json


class Series:
    """The lines of a file that grows. `last`: the newest; {} before the first."""

    def __init__(self, path):
        self.path, self.at, self.last, self.rest = path, 0, {}, b""

    def read(self):
        """Reads what was added. A line that is not whole yet is kept for the next time."""
        with contextlib.suppress(FileNotFoundError), open(self.path, "rb") as file:
            file.seek(self.at)
            data = file.read()
            self.at += len(data)
            *whole, self.rest = (self.rest + data).split(b"\n")
            for line in whole:
                with contextlib.suppress(ValueError):
                    self.last = json.loads(line)
        return self.last

    def __getitem__(self, key):
        return self.last.get(key, 0)

    @property
    def phase(self):
        return self.last.get("phase", "")
