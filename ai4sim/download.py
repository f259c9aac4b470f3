"""Fetch raw files, or an archive of them, once and whole, and unpack it without trusting it.

:func:`fetch_archive` and :func:`fetch_file` leave the raw files in ``DATA_PATH/raw/`` and a receipt
in ``DATA_PATH/downloads/``; while receipt and files agree, nothing is fetched again. The
transfer resumes after an interruption (:class:`ResumingDownloader`, in pooch's downloader
protocol), a wrong length or SHA-256 is an error, and of the names stored in the archive only the
last part is ever used (:mod:`ai4sim.unpack`).
"""

from __future__ import annotations

import filecmp
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ai4sim.files import (
    missing_file_error,
    one_at_a_time,
    remove_stale_temporaries,
    temporary_path,
    write_json,
)
from ai4sim.unpack import DamagedArchiveError, unpack

if TYPE_CHECKING:
    import requests

logger = logging.getLogger(__name__)

CHUNK = 1 << 16  # bytes written at a time: what an interruption can lose
HDF5_SUFFIXES = (".h5", ".hdf5")


def fetch_archive(
    url: str,
    data_path: Path | str,
    *,
    sha256: str | None = None,
    expected: Callable[[Path], None] | None = None,
    suffixes: tuple[str, ...] = HDF5_SUFFIXES,
    progress: bool = True,
    downloader: ResumingDownloader | None = None,
) -> list[Path]:
    """Download an archive unless that is done already, and gather its raw files in ``raw/``.

    Parameters
    ----------
    url : str
        HTTP(S) address of a zip or tar (plain, gzip, bzip2, xz) archive, or the path of one that
        is on this machine already (a cluster's nodes often see no network).
    data_path : Path or str
        Folder that gets ``raw/`` (the files, sub-folders of the archive flattened) and
        ``downloads/`` (receipt; the archive itself only until it is unpacked).
    sha256 : str, optional
        Known SHA-256 of the archive, 64 hexadecimal digits.
    expected : callable, optional
        Raises ValueError for an unpacked file that is not what the caller can use. It is called
        on every file before any of them arrives in ``raw/``.
    suffixes : tuple of str
        File name endings that are raw files; other members of the archive stay packed.
    progress : bool
        Whether to show a bar (on a terminal only).
    downloader : ResumingDownloader, optional
        How to transfer: attempts, pauses, time limits.

    Returns
    -------
    list of Path
        The raw files of this archive, sorted.

    Raises
    ------
    ConnectionError
        If the transfer fails again and again; what has arrived is kept for the next try.
    FileNotFoundError
        If there is nothing at that address or path.
    FileExistsError
        If ``raw/`` holds another file of the same name.
    ValueError
        If the archive is damaged, unsafe or not one, its hash differs, or `expected` objects.
    """
    raw = Path(data_path) / "raw"

    def place(archive: Path) -> list[Path]:
        return _unpack_into(raw, archive, url, suffixes, expected)

    downloader = downloader or ResumingDownloader(progress=progress)
    return _fetch(url, Path(data_path), sha256, downloader, place)


def fetch_file(
    url: str,
    data_path: Path | str,
    name: str,
    *,
    sha256: str | None = None,
    convert: Callable[[Path, Path], object] = shutil.copyfile,
    expected: Callable[[Path], None] | None = None,
    progress: bool = True,
    downloader: ResumingDownloader | None = None,
) -> Path:
    """Download one raw file unless that is done already.

    Parameters
    ----------
    url, data_path, sha256, progress, downloader
        As for :func:`fetch_archive`.
    name : str
        Name of the file in ``raw/``.
    convert : callable
        Writes the raw file, its second argument, from what was fetched, its first: for providers
        that have another format. Raises ValueError where it cannot.
    expected : callable, optional
        Raises ValueError for a file that is not what the caller can use. It is called on the raw
        file before that arrives in ``raw/``.

    Returns
    -------
    Path
        The raw file.

    Raises
    ------
    ConnectionError, FileNotFoundError, FileExistsError, ValueError
        As :func:`fetch_archive`.
    """
    raw = Path(data_path) / "raw"

    def place(fetched: Path) -> list[Path]:
        return [_convert_into(raw / name, fetched, url, convert, expected)]

    downloader = downloader or ResumingDownloader(progress=progress)
    return _fetch(url, Path(data_path), sha256, downloader, place)[0]


def _fetch(
    url: str,
    data_path: Path,
    sha256: str | None,
    downloader: ResumingDownloader,
    place: Callable[[Path], list[Path]],
) -> list[Path]:
    """Bring `url` here, have it placed in ``raw/``, and remember that in a receipt."""
    downloads, raw = data_path / "downloads", data_path / "raw"
    sha256 = _checked_hash(sha256)
    remote = "://" in url
    if remote and not url.startswith(("http://", "https://")):
        raise ValueError(f"{url}: expected an http(s) address or a path on this machine")
    key = hashlib.sha256(url.encode()).hexdigest()[:16]
    receipt_path = downloads / f"{key}.json"
    downloads.mkdir(parents=True, exist_ok=True)
    raw.mkdir(exist_ok=True)
    with one_at_a_time(downloads):
        finished = _finished(receipt_path, raw, sha256)
        if finished:
            logger.info("%s: already fetched, %d files in %s", url, len(finished), raw)
            return finished
        for folder in (downloads, raw):
            remove_stale_temporaries(folder)
        for leftover in downloads.glob("tmp*"):  # pooch's, of a run killed while hashing
            leftover.unlink()
        if remote:
            fetched = downloads / f"{key}.archive"
            found = _download(url, fetched, sha256, downloader)
        else:
            fetched = Path(url)
            found = _hash_of_local(fetched, sha256)
        files = place(fetched)
        sizes = {file.name: file.stat().st_size for file in files}
        write_json(receipt_path, {"url": url, "sha256": found, "files": sizes})
        if remote:
            fetched.unlink()
    logger.info("%s: %d files brought to %s", url, len(files), raw)
    return files


class ResumingDownloader:
    """A pooch downloader that continues where an interrupted transfer stopped.

    The bytes go to ``OUTPUT.part`` beside a small ``OUTPUT.part.json`` that remembers which
    version of the remote file they belong to (length, ETag or modification date). The next call,
    in this process or a later one, asks for the missing range of that version only; a server that
    ignores ranges, or whose file has changed, makes it start again.

    Parameters
    ----------
    attempts : int
        Attempts in a row that bring nothing new before it gives up.
    pause : float
        Wait [s] before the second attempt; it doubles from each to the next, up to 60 s.
    timeout : float
        Silence [s] of the server that counts as an interruption.
    progress : bool
        Whether to show a bar (on a terminal only).
    """

    def __init__(
        self,
        *,
        attempts: int = 5,
        pause: float = 1.0,
        timeout: float = 30.0,
        progress: bool = True,
    ) -> None:
        self.attempts, self.pause, self.timeout, self.progress = attempts, pause, timeout, progress
        self.part: Path | None = None

    def __call__(self, url: str, output_file: str | Path, pooch: Any = None) -> None:
        """Transfer `url` to `output_file` (pooch's protocol; its third argument is not needed)."""
        import requests

        part = self.part or Path(f"{output_file}.part")
        most, failures = _size(part), 0
        while True:
            try:
                self._transfer(url, part)
                break
            except requests.RequestException as error:
                # Only bytes beyond the furthest point reached so far count as an advance.
                failures = 1 if _size(part) > most else failures + 1
                most = max(most, _size(part))
                if failures >= self.attempts:
                    raise ConnectionError(
                        f"{url}: the download stopped after {_size(part)} bytes ({error}). They "
                        f"are kept in {part}: run the same command again to continue."
                    ) from error
                wait = min(self.pause * 2 ** (failures - 1), 60.0)
                logger.warning("%s: %s; trying again in %.1f s", url, error, wait)
                time.sleep(wait)
        os.replace(part, output_file)
        _state_path(part).unlink(missing_ok=True)

    def _transfer(self, url: str, part: Path) -> None:
        """Make one request and append what it brings; any shortfall is a RequestException."""
        import requests

        have, state = _size(part), _read_json(_state_path(part))
        if state.get("url") != url:
            have = 0
        # Compressed transfer would make lengths and ranges count other bytes than the file's.
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if state.get("version"):
                headers["If-Range"] = state["version"]
        with requests.get(url, headers=headers, stream=True, timeout=self.timeout) as response:
            _refuse_client_error(url, response)
            version, total = _version(response), _total_bytes(response)
            same = (version, total) == (state.get("version"), state.get("total"))
            if response.status_code == 416 and have == total == state.get("total"):
                return  # everything had arrived before the interruption
            if response.status_code == 416 or (response.status_code == 206 and not same):
                part.unlink(missing_ok=True)
                raise requests.RequestException("the file on the server has changed")
            response.raise_for_status()
            resumed = response.status_code == 206
            if not resumed:
                have = 0
                write_json(_state_path(part), {"url": url, "version": version, "total": total})
            logger.info("%s: %s bytes, %d here already", url, total or "unknown", have)
            with part.open("ab" if resumed else "wb") as file:
                self._write(response, file, have, total)
        if total is not None and _size(part) != total:
            raise requests.RequestException(f"truncated: {_size(part)} of {total} bytes")

    def _write(
        self, response: requests.Response, file: IO[bytes], have: int, total: int | None
    ) -> None:
        """Copy the body to `file` in small pieces, so that an interruption loses little."""
        import requests
        import urllib3
        from tqdm import tqdm

        disable = None if self.progress else True  # None: a bar on terminals only
        with tqdm(total=total, initial=have, unit="B", unit_scale=True, disable=disable) as bar:
            try:
                # Undecoded: some servers declare a .tgz as a compressed transfer of a .tar.
                for chunk in response.raw.stream(CHUNK, decode_content=False):
                    file.write(chunk)
                    bar.update(len(chunk))
            except urllib3.exceptions.HTTPError as error:
                raise requests.ConnectionError(str(error)) from error


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


def _unpack_into(
    raw: Path,
    archive: Path,
    url: str,
    suffixes: tuple[str, ...],
    expected: Callable[[Path], None] | None,
) -> list[Path]:
    """Unpack into a hidden folder inside `raw`, check every file there, then rename each."""
    remote = "://" in url
    kept = f" The archive is kept in {archive}: delete it to fetch it anew." if remote else ""
    staging = temporary_path(raw / "unpacked")
    staging.mkdir()
    try:
        try:
            members = unpack(archive, staging, suffixes)
        except DamagedArchiveError as error:
            if remote:
                archive.unlink()
            raise ValueError(f"{url}: {error}") from error
        except ValueError as error:
            raise ValueError(f"{url}: {error}{kept}") from error
        for name, member in members.items():
            if expected is not None:
                try:
                    expected(staging / name)
                except (ValueError, OSError) as error:
                    reason = str(error).replace(f"{staging / name}: ", "")
                    raise ValueError(
                        f"{url}: {member} in the archive cannot be used: {reason}{kept}"
                    ) from error
            _refuse_to_replace(raw / name, staging / name, f"{member} of {url}")
        for name in members:
            os.replace(staging / name, raw / name)
    finally:
        _remove_folder(staging)
    return sorted(raw / name for name in members)


def _convert_into(
    file: Path,
    fetched: Path,
    url: str,
    convert: Callable[[Path, Path], object],
    expected: Callable[[Path], None] | None,
) -> Path:
    """Make the raw file from what was fetched under a hidden name, check it there, rename it."""
    kept = f" It is kept in {fetched}: delete it to fetch it anew." if "://" in url else ""
    staging = temporary_path(file)
    try:
        try:
            convert(fetched, staging)
            if expected is not None:
                expected(staging)
        except ValueError as error:
            reason = str(error).replace(f"{staging}: ", "").replace(f"{fetched}: ", "")
            raise ValueError(f"{url}: the file cannot be used: {reason}.{kept}") from error
        _refuse_to_replace(file, staging, url)
        os.replace(staging, file)
    finally:
        staging.unlink(missing_ok=True)
    return file


def _refuse_to_replace(there: Path, new: Path, origin: str) -> None:
    """Raise if a file of the same name with other content is in ``raw/``."""
    if there.exists() and not filecmp.cmp(there, new, shallow=False):
        raise FileExistsError(
            f"{there} exists with other content than {origin}. Move it away or choose another "
            "data path."
        )


def _finished(receipt_path: Path, raw: Path, sha256: str | None) -> list[Path]:
    """Return the files of an earlier fetch if all of them are still as it left them."""
    receipt = _read_json(receipt_path)
    sizes = receipt.get("files", {})
    if sha256 not in (None, receipt.get("sha256")):
        return []
    if any(_size(raw / name) != size for name, size in sizes.items()):
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


def _refuse_client_error(url: str, response: requests.Response) -> None:
    """Raise for answers that no further attempt would change."""
    status = f"{url}: the server answers {response.status_code} {response.reason}"
    if response.status_code in (404, 410):
        raise FileNotFoundError(f"{status}. Check the address; the data may have moved.")
    if response.status_code in (401, 403):
        raise PermissionError(f"{status}. Fetch the archive in a browser and give its path.")
    if 400 <= response.status_code < 500 and response.status_code not in (408, 416, 429):
        raise ConnectionError(f"{status}.")


def _version(response: requests.Response) -> str | None:
    """Return what tells two versions of a remote file apart (weak ETags do not)."""
    etag = response.headers.get("ETag", "")
    if etag and not etag.startswith("W/"):
        return etag
    return response.headers.get("Last-Modified")


def _total_bytes(response: requests.Response) -> int | None:
    """Return the length of the whole remote file, None if the server does not say."""
    if response.status_code in (206, 416):
        text = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        text = response.headers.get("Content-Length", "")
    return int(text) if text.isdigit() else None


def _state_path(part: Path) -> Path:
    """Return where the version of a partial download is remembered."""
    return part.with_name(part.name + ".json")


def _read_json(path: Path) -> dict[str, Any]:
    """Return the content of a small JSON object, empty if it is absent or not one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _size(path: Path) -> int:
    """Return the size of a file in bytes, 0 if it does not exist."""
    return path.stat().st_size if path.exists() else 0


def _remove_folder(folder: Path) -> None:
    """Remove a flat folder of files."""
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
