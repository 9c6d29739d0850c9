"""Documents that another program or another user wrote: read without trust. Pure but for reading.

    documents.read_json(path)       raises OSError, ValueError, and nothing else
    documents.parse_json(text)      raises ValueError
"""

import errno
import json
import math
import os
import stat

#: The longest integer of a document; all are nanoseconds, bytes or counts.
DIGITS = 20
#: Numbers of a larger or smaller size are no figures, and their products are no numbers.
SMALLEST, LARGEST = 1e-20, 1e20


def read_bytes(path):
    """The content of a regular file. Raises OSError: a FIFO in a folder of others would wait."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return file.read()


def read_text(path):
    """The text of a regular file in UTF-8. Raises OSError, ValueError."""
    return read_bytes(path).decode()


def read_json(path):
    return parse_json(read_text(path))


def parse_json(text):
    """A document as RFC 8259 has it. Raises ValueError also where it is nested too deeply, and for
    numbers that no document of the testbed holds: NaN, 1e999, integers of more than DIGITS digits.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_float, parse_int=_int)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(text):
    raise ValueError(f"{text} is not a number")


def _float(text):
    value = float(text)
    return value if math.isfinite(value) else _refuse(text[:DIGITS])


def _int(text):
    return int(text) if len(text) <= DIGITS else _refuse(text[:DIGITS] + "...")


def is_number(value):
    """Whether the value is a number that can be a figure: 1e308 and true are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value == 0 or SMALLEST <= abs(value) <= LARGEST
