"""The files that the scripts write: checked at the start, and written whole or not at all.

An output is checked when its option is read, because its run may take minutes: a folder where a
file is wanted, a folder that is missing or not writable, a FIFO that nobody reads. It is written to
a temporary file beside it and renamed, so that a reader sees the old document or the new one. A
replaced file keeps its mode. FIFOs and devices (/dev/stdout, /dev/null) are written directly.

In a folder that others may write to, a link that belongs to neither the user nor root is not
followed (proc(5), protected_symlinks).

    add("--json", type=outputs.file, metavar="FILE")        argparse reports the error; exit 2
    outputs.replace(path, text)                             raises CannotWrite
"""

import argparse
import contextlib
import errno
import os
import pathlib
import secrets
import stat

#: {path: descriptor} of FIFOs that have a reader; closing one would end its input.
_open = {}


class CannotWrite(Exception):
    """The disk is full, or the place is not writable; one line."""


class Unusable(ValueError):
    """Nothing can be written to the place; one line that says what is wanted."""


# ---- outputs, at the start -----------------------------------------------------------------------
def _argument(check):
    def convert(text):
        try:
            return check(text)
        except (Unusable, ValueError) as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert


def check_file(text):
    """The path of a file that can be written. Raises Unusable."""
    path = _path_of(text, "a file")
    if path.is_dir():
        raise Unusable(f"{path}: is a folder; must be a file")
    if not path.parent.exists():
        raise Unusable(f"{path}: there is no folder {path.parent}; must be in an existing folder")
    if is_special(path):
        _check_special(path)
    else:
        _check_writable(path.resolve().parent, path)
    return path


def check_folder(text):
    """The path of a folder that exists or can be made. Raises Unusable."""
    path = _path_of(text, "a folder")
    there = path
    while not there.exists():
        if there.is_symlink():
            raise Unusable(f"{path}: {there} is a link to nothing; must be a folder")
        there = there.parent
    if not there.is_dir():
        raise Unusable(f"{path}: {there} is not a folder; must be a folder, present or new")
    _check_writable(there, path)
    return path


file = _argument(check_file)
folder = _argument(check_folder)


def regular_file(text):
    """As `file`, for an output that has others beside it."""
    path = file(text)
    if is_special(path):
        raise argparse.ArgumentTypeError(f"{path}: must be a regular file")
    return path


def file_or_stdout(text):
    """As `file`; - is stdout."""
    return text if text == "-" else file(text)


def _path_of(text, what):
    if not str(text):
        raise Unusable(f"'': must be the path of {what}")
    path = pathlib.Path(text)
    try:
        os.lstat(path)
    except FileNotFoundError:
        pass
    except OSError as error:  # a name that is too long, a file where a folder should be
        raise Unusable(f"{path}: {error.strerror}; must be the path of {what}") from error
    link = foreign_link(path)
    if link:
        where = "in a folder that others may write to"
        raise Unusable(f"{path}: {link} is a link of another user {where}; not followed")
    return path


def foreign_link(path):
    """The first link on the way to the path that is not to be followed; None: there is none."""
    trusted = {0, os.geteuid()}
    for one in [*reversed(path.absolute().parents), path.absolute()]:
        with contextlib.suppress(OSError):
            about = os.lstat(one)
            shared = os.stat(one.parent).st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            if stat.S_ISLNK(about.st_mode) and shared and about.st_uid not in trusted:
                return one
    return None


def is_special(path):
    """Whether the path is a FIFO or a device, whose reader gets one document and not every state."""
    return path.exists() and not path.is_file()


def _check_special(path):
    """A FIFO or a device. Its descriptor stays open: a reader would see an end otherwise."""
    try:
        _open[path] = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        os.set_blocking(_open[path], True)
    except OSError as error:
        why = "a FIFO that nobody reads" if error.errno == errno.ENXIO else error.strerror
        raise Unusable(f"{path}: {why}; must be a file, or be open for reading") from error


def _check_writable(folder, path):
    """Makes a file in the folder and removes it: permissions do not tell of a read-only disk."""
    name = folder / f".{secrets.token_hex(8)}"
    try:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        os.unlink(name)
    except OSError as error:
        raise Unusable(f"{path}: {folder} is not writable ({error.strerror})") from error


# ---- outputs, at the end -------------------------------------------------------------------------
def replace(path, text):
    """Writes text or bytes, whole or not at all. Raises CannotWrite."""
    path = pathlib.Path(path)
    data = text if isinstance(text, bytes) else text.encode(errors="replace")
    try:
        link = foreign_link(path)
        if link:
            raise CannotWrite(f"{path}: {link} is a link of another user")
        if path.exists() and not path.is_file() and not path.is_dir():
            _write_special(path, data)
        else:
            _replace(pathlib.Path(os.path.realpath(path)), data)
    except OSError as error:
        raise CannotWrite(f"{path}: {error.strerror or error}") from error


def _write_special(path, data):
    descriptor = _open.pop(path, None)
    if descriptor is None:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        os.set_blocking(descriptor, True)
    with open(descriptor, "wb", buffering=0) as file:
        write_all(file, data)


def _replace(path, data):
    temporary = path.with_name(f".{path.name[:100]}-{secrets.token_hex(4)}")
    there = None
    with contextlib.suppress(FileNotFoundError):
        there = os.stat(path)
    try:
        # 0666 less the umask, as open(2) gives any new file.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with open(descriptor, "wb", buffering=0) as file:
            if there:
                keep_owner_and_mode(descriptor, there)
            write_all(file, data)
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def keep_owner_and_mode(descriptor, there):
    """Gives a new file the owner and the mode of the one that it replaces."""
    mine = os.fstat(descriptor)
    if (there.st_uid, there.st_gid) != (mine.st_uid, mine.st_gid):
        with contextlib.suppress(OSError):  # only root may
            os.fchown(descriptor, there.st_uid, there.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(there.st_mode) & 0o777)


def write_all(file, data):
    """Writes all data to a raw file, whose write() may write less than it is given."""
    while data:
        data = data[file.write(data) :]
