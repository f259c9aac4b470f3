"""Fetch raw files, or an archive of them, once and whole, and unpack it without trusting it.

:func:`fetch` leaves the raw files of a :class:`Source` in ``DATA_PATH/raw/`` and a receipt in
``DATA_PATH/downloads/``. While receipt and files agree, nothing is fetched again. The transfer
resumes after an interruption (:mod:`ai4sim.io.resuming`). A wrong length or SHA-256 is an error. Of
the names stored in an archive only the last part is ever used (:mod:`ai4sim.io.unpack`).
"""

from __future__ import annotations

import filecmp
import functools
import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ai4sim.io.files import (
    HDF5_NAMES,
    missing_file_error,
    one_at_a_time,
    remove_stale_temporaries,
    temporary_path,
    write_json,
)
from ai4sim.io.resuming import ResumingDownloader, read_json, size_of
from ai4sim.io.unpack import DamagedArchiveError, unpack

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """A data set that can be fetched.

    Attributes
    ----------
    address : str, optional
        Its public address, HTTP(S): of a zip or tar archive, or a pattern for the addresses of
        single files, in which ``{date}`` stands for the field "date" of a file.
    fields : tuple of str
        The fields that every such pattern must contain.
    check : callable, optional
        Raises ValueError for a raw file that is not what the caller can use. It is called on every
        file before any of them arrives in ``raw/``.
    convert : callable
        Writes a raw file, its second argument, from the parts that were fetched, its first: for
        providers that have another format. Raises ValueError where it cannot. By default a copy of
        the only part.
    suffixes : tuple of str
        The file name endings of raw files; other members of an archive stay packed.
    """

    address: str | None = None
    fields: tuple[str, ...] = ()
    check: Callable[[Path], None] = lambda _: None
    convert: Callable[[list[Path], Path], object] = lambda parts, raw: shutil.copyfile(
        parts[0], raw
    )
    suffixes: tuple[str, ...] = tuple(name.removeprefix("*") for name in HDF5_NAMES)


def fetch(
    source: Source,
    data_path: Path | str,
    files: Mapping[str, Sequence[Mapping[str, str]]] | None = None,
    *,
    url: str | None = None,
    sha256: str | None = None,
    downloader: ResumingDownloader | None = None,
) -> list[Path]:
    """Fetch an archive of raw files, or raw files one after the other, unless that is done already.

    Parameters
    ----------
    source : Source
    data_path : Path or str
        The folder that gets ``raw/`` (the files, sub-folders of an archive flattened) and
        ``downloads/`` (receipts; what was fetched only until it is unpacked or converted).
    files : mapping of str to sequence of mapping, optional
        The name of each raw file, and for each of its parts the fields of the address. Parts of the
        same address are one. By default the address is that of an archive.
    url : str, optional
        The address, or the path on this machine, instead of the public one (a cluster's nodes often
        see no network).
    sha256 : str, optional
        The known SHA-256 of the only thing that is fetched, 64 hexadecimal digits.
    downloader : ResumingDownloader, optional
        The way to transfer: attempts, pauses, time limits.

    Returns
    -------
    list of Path
        The raw files: of an archive sorted, else in the order of `files`.

    Raises
    ------
    ConnectionError
        The transfer fails again and again; what has arrived is kept for the next try.
    FileNotFoundError
        There is nothing at that address or path.
    FileExistsError
        ``raw/`` holds another file of the same name.
    ValueError
        There is no address, or a field is missing in it; the file is damaged, its hash differs, it
        is no archive or an unsafe one, or it cannot be used.
    """
    address = url or source.address
    if address is None:
        raise ValueError("no address of this data set is public: give one, or a path, with --url")
    for field in source.fields:
        if f"{{{field}}}" not in address:
            raise ValueError(
                f"url: expected {{{field}}} in it, as in {source.address}; found {address}"
            )
    downloader = downloader or ResumingDownloader()
    raw = Path(data_path) / "raw"
    if files is None:
        place = functools.partial(_unpack_into, raw, source, address)
        return _fetch([address], Path(data_path), sha256, downloader, place)
    fetched: list[Path] = []
    for number, (name, parts) in enumerate(files.items(), start=1):
        log.info("%s (%d of %d)", name, number, len(files))
        urls = list(dict.fromkeys(_filled(address, fields) for fields in parts))
        place = functools.partial(_convert_into, raw / name, source, urls)
        fetched += _fetch(urls, Path(data_path), sha256, downloader, place)
    return fetched


def _filled(pattern: str, fields: Mapping[str, str]) -> str:
    """Return the address that a pattern means."""
    for field, value in fields.items():
        pattern = pattern.replace(f"{{{field}}}", value)
    return pattern


def _fetch(
    urls: Sequence[str],
    data_path: Path,
    sha256: str | None,
    downloader: ResumingDownloader,
    place: Callable[[list[Path]], list[Path]],
) -> list[Path]:
    """Bring `urls` here, have them placed in ``raw/``, and remember that in a receipt."""
    downloads, raw = data_path / "downloads", data_path / "raw"
    sha256 = _checked_hash(sha256)
    for url in urls:
        if _is_remote(url) and not url.startswith(("http://", "https://")):
            raise ValueError(f"{url}: expected an http(s) address or a path on this machine")
    name = " + ".join(urls)
    receipt_path = downloads / f"{_key(name)}.json"
    downloads.mkdir(parents=True, exist_ok=True)
    raw.mkdir(exist_ok=True)
    with one_at_a_time(downloads):
        finished = _finished(receipt_path, raw, sha256)
        if finished:
            log.info("%s: already fetched, %d files in %s", name, len(finished), raw)
            return finished
        for folder in (downloads, raw):
            remove_stale_temporaries(folder)
        for leftover in downloads.glob("tmp*"):  # pooch's, of a run killed while hashing
            leftover.unlink()
        fetched, hashes = [], []
        for url in urls:
            if _is_remote(url):
                fetched.append(downloads / f"{_key(url)}.archive")
                hashes.append(_download(url, fetched[-1], sha256, downloader))
            else:
                fetched.append(Path(url))
                hashes.append(_hash_of_local(fetched[-1], sha256))
        files = place(fetched)
        sizes = {file.name: file.stat().st_size for file in files}
        write_json(receipt_path, {"url": name, "sha256": " + ".join(hashes), "files": sizes})
        for url, file in zip(urls, fetched, strict=True):
            if _is_remote(url):
                file.unlink()
    log.info("%s: %d files brought to %s", name, len(files), raw)
    return files


def _is_remote(url: str) -> bool:
    return "://" in url


def _key(url: str) -> str:
    """Return a name for what is at an address."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def _download(url: str, archive: Path, sha256: str | None, downloader: ResumingDownloader) -> str:
    """Bring `url` to `archive` through pooch and return its SHA-256."""
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)  # its advice is for callers of pooch
    # pooch hands out a fresh temporary name per call; the part needs one that a rerun finds.
    downloader.part = archive.with_suffix(".part")
    known = None if sha256 is None else f"sha256:{sha256}"
    try:
        pooch.retrieve(
            url, known_hash=known, fname=archive.name, path=archive.parent, downloader=downloader
        )
    except ValueError as error:
        raise ValueError(
            f"{url}: the archive is not the expected one and has been removed. {error} Run the "
            "same command again; if it repeats, check the address and the hash with the provider."
        ) from error
    return sha256 or pooch.file_hash(str(archive))


def _hash_of_local(archive: Path, sha256: str | None) -> str:
    """Return the SHA-256 of an archive that is on this machine, checked where it is known."""
    if not archive.is_file():
        raise missing_file_error(archive)
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 not in (None, found):
        raise ValueError(f"{archive}: SHA-256 expected {sha256}, found {found}. Fetch it anew.")
    return found


def _unpack_into(raw: Path, source: Source, url: str, fetched: list[Path]) -> list[Path]:
    """Unpack into a hidden folder inside `raw`, check every file there, then rename each."""
    (archive,), remote = fetched, _is_remote(url)
    kept = f" The archive is kept in {archive}: delete it to fetch it anew." if remote else ""
    staging = temporary_path(raw / "unpacked")
    staging.mkdir()
    try:
        try:
            members = unpack(archive, staging, source.suffixes)
        except DamagedArchiveError as error:
            if remote:
                archive.unlink()
            raise ValueError(f"{url}: {error}") from error
        except ValueError as error:
            raise ValueError(f"{url}: {error}{kept}") from error
        for name, member in members.items():
            try:
                source.check(staging / name)
            except (ValueError, OSError) as error:
                reason = str(error).replace(f"{staging / name}: ", "")
                raise ValueError(
                    f"{url}: {member} in the archive cannot be used: {reason}{kept}"
                ) from error
            _refuse_to_replace(raw / name, staging / name, f"{member} of {url}")
        for name in members:
            os.replace(staging / name, raw / name)
    finally:
        shutil.rmtree(staging)
    return sorted(raw / name for name in members)


def _convert_into(
    file: Path, source: Source, urls: Sequence[str], fetched: list[Path]
) -> list[Path]:
    """Make the raw file from what was fetched under a hidden name, check it there, rename it."""
    url = " + ".join(urls)
    parts = [str(f) for f, origin in zip(fetched, urls, strict=True) if _is_remote(origin)]
    kept = f" It is kept in {' and '.join(parts)}: delete it to fetch it anew." if parts else ""
    staging = temporary_path(file)
    try:
        try:
            source.convert(fetched, staging)
            source.check(staging)
        except ValueError as error:
            reason = str(error).replace(f"{staging}: ", "")
            for path, origin in zip(fetched, urls, strict=True):
                reason = reason.replace(f"{path}: ", f"{origin}: " if len(urls) > 1 else "")
            raise ValueError(f"{url}: the file cannot be used: {reason}.{kept}") from error
        _refuse_to_replace(file, staging, url)
        os.replace(staging, file)
    finally:
        staging.unlink(missing_ok=True)
    return [file]


def _refuse_to_replace(there: Path, new: Path, origin: str) -> None:
    """Raise if a file of the same name with other content is in ``raw/``."""
    if there.exists() and not filecmp.cmp(there, new, shallow=False):
        raise FileExistsError(
            f"{there} exists with other content than {origin}. Move it away or choose another "
            "data path."
        )


def _finished(receipt_path: Path, raw: Path, sha256: str | None) -> list[Path]:
    """Return the files of an earlier fetch if all of them are still as it left them."""
    receipt = read_json(receipt_path)
    sizes = receipt.get("files", {})
    if sha256 not in (None, receipt.get("sha256")):
        return []
    if any(size_of(raw / name) != size for name, size in sizes.items()):
        return []
    return sorted(raw / name for name in sizes)


def _checked_hash(sha256: str | None) -> str | None:
    """Return the hash in lower case, or raise if it cannot be a SHA-256."""
    if sha256 is None:
        return None
    digits = sha256.strip().lower().removeprefix("sha256:")
    if len(digits) != 64 or set(digits) - set("0123456789abcdef"):
        raise ValueError(f"sha256: expected 64 hexadecimal digits, found {sha256!r}")
    return digits
