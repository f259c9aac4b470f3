"""Files that are whole or absent: every output is written under a hidden name and renamed.

A rename within one folder is atomic on POSIX file systems, so a reader sees the old content or
the new one, never half of either, whatever moment a run is killed at. What a killed run leaves
behind is a hidden file whose name says which process on which host wrote it; nothing reads it
(use :func:`visible_files`, since ``Path.glob("*.h5")`` lists hidden files too) and
:func:`remove_stale_temporaries` sweeps it away.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import fcntl
import json
import logging
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

HDF5_NAMES = ("*.h5", "*.hdf5", "*.hdf", "*.he5", "*.nc", "*.nc4", "*.cdf")
"""Patterns of the names that HDF5 and netCDF files go by."""
SECONDS_PER_DAY = 86_400.0
_TEMPORARY_NAME = re.compile(r"^\.tmp-(?P<host>[\w.]*)-(?P<pid>\d+)-[0-9a-f]{8}-.+$", re.ASCII)


def _host() -> str:
    """Return the host name reduced to letters, digits, dots and underscores."""
    return re.sub(r"[^\w.]", "_", socket.gethostname(), flags=re.ASCII)[:40]


def temporary_path(path: Path | str) -> Path:
    """Return a fresh hidden name beside `path`; it ends like `path`, so its suffix is the same."""
    path = Path(path)
    return path.with_name(f".tmp-{_host()}-{os.getpid()}-{secrets.token_hex(4)}-{path.name}")


@contextlib.contextmanager
def atomic_write(path: Path | str) -> Iterator[Path]:
    """Give a temporary path to write to; it becomes `path` when the block ends without an error.

    Parameters
    ----------
    path : Path or str
        The file to write; its folder is made if absent, an existing file is replaced.

    Yields
    ------
    Path
        A hidden path in the same folder with the same suffix. It is removed if the block raises.

    Examples
    --------
    >>> with atomic_write("fields.npy") as temporary:  # doctest: +SKIP
    ...     np.save(temporary, fields)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(path)
    try:
        yield temporary
        _flush_to_disk(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _flush_to_disk(path.parent)


@contextlib.contextmanager
def atomic_folder(path: Path | str) -> Iterator[Path]:
    """Give a temporary folder to fill; it becomes `path` when the block ends without an error.

    An existing folder `path` is replaced. When several processes do so at once, one of them wins
    and none fails. (A folder, unlike a file, cannot be exchanged in one step: for an instant
    between two renames there is none. Readers that may meet that instant try again.)

    Parameters
    ----------
    path : Path or str
        The folder to write; its parent is made if absent.

    Yields
    ------
    Path
        An existing, empty, hidden folder beside `path`. It is removed if the block raises.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(path)
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.rglob("*"):
            _flush_to_disk(file)
        while True:
            try:
                os.rename(temporary, path)
                break
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            retired = temporary_path(path)
            with contextlib.suppress(FileNotFoundError):  # another process has retired it
                os.rename(path, retired)
                shutil.rmtree(retired, ignore_errors=True)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _flush_to_disk(path.parent)


def write_text(path: Path | str, text: str) -> None:
    """Write `text` to `path` as UTF-8, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path | str, content: Any) -> None:
    """Write `content` to `path` as indented JSON, atomically.

    Raises
    ------
    ValueError
        If a value has no JSON form (NaN and infinities included: other readers reject them).
    """
    try:
        text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: this content cannot be written as JSON: {error}") from error
    write_text(path, text + "\n")


@contextlib.contextmanager
def one_at_a_time(folder: Path | str) -> Iterator[None]:
    """Let only one process at a time run the block for this folder; the others wait.

    A killed process gives the lock back. On network file systems without locks nobody waits: what
    is written in the block must be right, if wasteful, when several processes write it at once.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        with contextlib.suppress(OSError):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log.info("waiting for another process that writes into %s", folder)
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def visible_files(folder: Path | str, *patterns: str) -> list[Path]:
    """Return the files of `folder`, sorted by name, hidden ones left out.

    With patterns, only those that match at least one of them; see :func:`matches`.

    Raises
    ------
    FileNotFoundError
        One of them is a link to a file that does not exist.
    """
    found = [path for path in visible_entries(folder) if matches(path, *patterns)]
    for path in found:
        if path.is_symlink() and not path.exists():
            raise missing_file_error(path)
    return [path for path in found if path.is_file()]


def visible_entries(folder: Path | str) -> list[Path]:
    """Return files, folders and links of `folder`, sorted by name, hidden ones left out."""
    folder = Path(folder)
    return sorted(p for p in folder.iterdir() if p.name[0] != ".") if folder.is_dir() else []


def matches(path: Path | str, *patterns: str) -> bool:
    """Whether a name matches one of some patterns, upper case as lower case, or there is none."""
    name = Path(path).name.lower()
    return not patterns or any(fnmatchcase(name, pattern.lower()) for pattern in patterns)


def remove_stale_temporaries(folder: Path | str, *, max_age: float = SECONDS_PER_DAY) -> list[Path]:
    """Remove what killed runs left in `folder` (sub-folders are not entered).

    Parameters
    ----------
    folder : Path or str
        A folder that :func:`atomic_write` or :func:`atomic_folder` writes to; it may be absent.
    max_age : float
        Age [s] from which a temporary is removed whoever wrote it. A younger one is removed only
        if it was written on this host by a process that no longer lives.

    Returns
    -------
    list of Path
        What was removed.
    """
    removed = []
    for path in sorted(Path(folder).glob(".tmp-*")):
        name = _TEMPORARY_NAME.match(path.name)
        if name is None:
            continue
        with contextlib.suppress(FileNotFoundError):  # another process sweeps the same folder
            dead = name["host"] == _host() and not _is_alive(int(name["pid"]))
            if not dead and time.time() - path.stat().st_mtime < max_age:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            removed.append(path)
    return removed


def missing_file_error(path: Path | str) -> FileNotFoundError:
    """Return the error for an absent file or folder, naming the nearest one that exists.

    Of a link the target is named.

    Examples
    --------
    >>> raise missing_file_error("raw/DNS1_000.hdf5")  # doctest: +SKIP
    FileNotFoundError: raw/DNS1_000.hdf5 does not exist. Nearest name there: DNS1_000.h5.
    """
    path = Path(path)
    if path.is_symlink():
        return FileNotFoundError(
            f"{path} is a link to {os.readlink(path)}, which does not exist: bring it back, or "
            "remove the link"
        )
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        path, folder = folder, folder.parent
    message = f"{path} does not exist."
    names = sorted(p.name for p in folder.iterdir() if p.name[0] != ".") if folder.is_dir() else []
    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.5)
    if close:
        message += f" Nearest name there: {close[0]}."
    elif names:
        others = f" and {len(names) - 5} more" if len(names) > 5 else ""
        message += f" {folder.resolve()} holds {', '.join(names[:5])}{others}."
    else:
        message += f" {folder.resolve()} is empty."
    return FileNotFoundError(message)


@contextlib.contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Put the path of a file before the words of an error that does not have its name.

    Work that was cancelled is no error of the file.

    Raises
    ------
    OSError, MemoryError, ArithmeticError, ValueError
        The nearest of these types that the error is of, for all others ValueError.
    """
    try:
        yield
    except CancelledError:
        raise
    except Exception as error:
        if path.name in str(error):
            raise
        kinds = (FileNotFoundError, PermissionError, OSError, MemoryError, ArithmeticError)
        kind = next((kind for kind in kinds if isinstance(error, kind)), ValueError)
        clear = isinstance(error, OSError | ValueError) and str(error)
        words = str(error) if clear else f"{type(error).__name__}: {error}"
        raise kind(f"{path}: {words}") from error


def check_shapes(
    path: Path | str, given: Mapping[str, tuple[Any, tuple[int, ...]]], context: str = ""
) -> None:
    """Compare arrays that are to be written with the shapes that a file has for them.

    Parameters
    ----------
    path : path
        The file, for messages.
    given : mapping of str to (array, tuple of int)
        Arrays, and the shapes expected; None instead of an array is left out.
    context : str
        The end of the message.

    Raises
    ------
    ValueError
        A shape differs.
    """
    for name, (values, expected) in given.items():
        if values is not None and tuple(values.shape) != expected:
            raise ValueError(
                f"{path}: {name} has shape {tuple(values.shape)}, expected {expected}{context}"
            )


def _is_alive(pid: int) -> bool:
    """Whether a process of this number runs on this host."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _flush_to_disk(path: Path) -> None:
    """Make a file or a folder survive a power cut, so that no rename outruns its content."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        raise FileNotFoundError(f"nothing was written to the temporary file {path}") from None
    try:
        with contextlib.suppress(OSError):  # some network file systems cannot flush folders
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
