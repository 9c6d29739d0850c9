"""A document on disk, whole or not at all."""

import contextlib
import json
import os
import tempfile


class CannotWrite(Exception):
    """The disk is full, or the folder is not ours to write; one line."""


def write_atomically(path, document):
    """As JSON, through a temporary file beside it: a full disk leaves the old one."""
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=f".{path.name}-", delete=False
        ) as file:
            temporary = file.name
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise CannotWrite(f"{path}: {error.strerror}") from error
