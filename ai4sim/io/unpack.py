"""Unpack zip and tar archives whose content is not trusted.

Only regular files with a wanted ending are copied out, each under the last part of its stored
name, into one flat folder: a stored path never reaches the file system. An archive that holds a
path or a link out of itself, or a device, is refused altogether, since nobody packs data so.
"""

from __future__ import annotations

import bz2
import contextlib
import functools
import gzip
import logging
import lzma
import posixpath
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any, cast

DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,  # a zip method that Python does not know
)
MAX_LINK_LENGTH = 4096
Opener = Callable[..., Any]
Member = tuple[tarfile.TarInfo, Callable[[], IO[bytes]]]
"""An entry of an archive, also of a zip, and a function that opens its content."""


log = logging.getLogger(__name__)

MOST_NAMES = 10
"""Members left in an archive that the log names, at most."""


class DamagedArchiveError(ValueError):
    """The file is not an archive, or not a whole one."""


def unpack(archive: Path, folder: Path, suffixes: tuple[str, ...]) -> dict[str, str]:
    """Copy the wanted files of an archive into a flat folder.

    Parameters
    ----------
    archive : Path
        A zip or a tar (plain, gzip, bzip2, xz) file; its content decides, not its name.
    folder : Path
        An existing, empty folder.
    suffixes : tuple of str
        Endings of the files to copy, in lower case, such as ``(".h5",)``.

    Returns
    -------
    dict of str to str
        File name in `folder` -> name stored in the archive.

    Raises
    ------
    DamagedArchiveError
        If the file is no archive or is cut short or altered.
    ValueError
        If it is unsafe, too large for the disk, holds two files of one name, or none wanted.
    """
    unpacked: dict[str, str] = {}
    left_out: list[str] = []
    room = shutil.disk_usage(folder).free
    with contextlib.closing(_members(archive)) as members:
        for member, opener in members:
            _refuse_unsafe(member)
            name = PurePosixPath(member.name).name
            # A link that stays inside is another name of a file that is copied anyway. Hidden
            # files are leftovers of the packing machine (macOS adds a "._x.h5" to each x.h5).
            if not member.isreg() or name.startswith("."):
                continue
            if not name.lower().endswith(suffixes):
                left_out.append(member.name)
                continue
            if name in unpacked:
                raise ValueError(
                    f"the archive holds two files of one name, {unpacked[name]} and {member.name}: "
                    "unpack it by hand into the raw folder, under different names."
                )
            room -= member.size
            if room < 0:
                raise ValueError(
                    f"{member.name} ({member.size} bytes) does not fit on the disk of {folder}: "
                    "free some space or choose another data path."
                )
            with _damage_named(member.name), opener() as source:
                with (folder / name).open("wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
                if (folder / name).stat().st_size != member.size:
                    raise EOFError("it is shorter than the archive says")
            unpacked[name] = member.name
    if not unpacked:
        raise ValueError(f"the archive holds no {' or '.join(suffixes)} file.")
    if left_out:
        more = f" and {len(left_out) - MOST_NAMES} more" if len(left_out) > MOST_NAMES else ""
        names = ", ".join(left_out[:MOST_NAMES])
        log.info("left in the archive: %s%s (not named %s)", names, more, ", ".join(suffixes))
    return unpacked


def _members(archive: Path) -> Generator[Member, None, None]:
    """List the entries of an archive in stored order (one pass: large tars are read once)."""
    with archive.open("rb") as file:
        start = file.read(512)
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        yield from _zip_members(archive)
        return
    openers: dict[bytes, Opener] = {
        b"\x1f\x8b": gzip.open,
        b"BZh": bz2.open,
        b"\xfd7zXZ": lzma.open,
    }
    opener = next((o for magic, o in openers.items() if start.startswith(magic)), None)
    if opener is None and start[257:262] != b"ustar":
        raise DamagedArchiveError(
            f"this is no zip or tar archive; it starts with {start[:40]!r}. If that is a web page, "
            "open the address in a browser, and give the address (or path) of the archive itself."
        )
    yield from _tar_members(archive, opener)


def _zip_members(archive: Path) -> Generator[Member, None, None]:
    with _damage_named(archive.name):
        opened = zipfile.ZipFile(archive)
    with opened:
        for info in opened.infolist():
            if info.flag_bits & 1:
                raise ValueError(f"{info.filename} is encrypted: unpack the archive by hand.")
            member, mode = tarfile.TarInfo(info.filename), info.external_attr >> 16
            member.size = info.file_size
            if info.is_dir():
                member.type = tarfile.DIRTYPE
            elif stat.S_ISLNK(mode):
                member.type = tarfile.SYMTYPE
                with _damage_named(info.filename), opened.open(info) as link:
                    member.linkname = link.read(MAX_LINK_LENGTH).decode("utf-8", "replace")
            elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                member.type = tarfile.FIFOTYPE
            yield member, functools.partial(opened.open, info)


def _tar_members(archive: Path, opener: Opener | None) -> Generator[Member, None, None]:
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(opener(archive, "rb") if opener else archive.open("rb"))
        with _damage_named(archive.name):
            opened = stack.enter_context(tarfile.open(fileobj=stream, mode="r:"))
        while True:
            with _damage_named(archive.name):
                info = opened.next()
            if info is None:
                break
            yield info, cast(Callable[[], IO[bytes]], functools.partial(opened.extractfile, info))
        # tarfile takes a damaged header for the end, and the checksums of compressed streams
        # come last: only a tail of zeros, read to its end, shows that the archive was whole.
        with _damage_named(archive.name):
            while tail := stream.read(1 << 20):
                if tail.strip(b"\0"):
                    raise tarfile.ReadError("unreadable entry")


def _refuse_unsafe(member: tarfile.TarInfo) -> None:
    """Raise ValueError for an entry that reaches out of the archive or is no plain data.

    :func:`tarfile.data_filter` (Python 3.11.4) makes the path "/x" relative, accepts "C:/x" and
    knows no zip.
    """
    target = member.linkname
    if member.issym():
        target = posixpath.join(posixpath.dirname(member.name), target)
    if _leaves(member.name):
        fault = f"the stored path {member.name!r} leaves it."
    elif (member.issym() or member.islnk()) and _leaves(target):
        fault = f"the link {member.name!r} leaves it (to {target!r})."
    elif not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        fault = f"{member.name!r} is a device or a pipe."
    else:
        return
    raise ValueError(f"unsafe archive, refused: {fault}")


def _leaves(name: str) -> bool:
    """Whether a stored path is absolute (POSIX or Windows) or climbs above its root."""
    name = name.replace("\\", "/")
    if name.startswith("/") or PureWindowsPath(name).drive:
        return True
    return posixpath.normpath(name).split("/")[0] == ".."


@contextlib.contextmanager
def _damage_named(name: str) -> Iterator[None]:
    """Turn the many errors of a damaged archive into one that names the entry."""
    try:
        yield
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault (full, say), not the archive's
        raise DamagedArchiveError(
            f"the archive is damaged at {name} ({error}). Fetch it again."
        ) from error
