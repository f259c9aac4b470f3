"""Transfers over HTTP that continue where they were interrupted, in pooch's downloader protocol."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ai4sim.io.files import write_json

if TYPE_CHECKING:
    import requests

log = logging.getLogger(__name__)

CHUNK = 1 << 16  # bytes written at a time: what an interruption can lose


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
    """

    def __init__(
        self,
        *,
        attempts: int = 5,
        pause: float = 1.0,
        timeout: float = 30.0,
    ) -> None:
        self.attempts, self.pause, self.timeout = attempts, pause, timeout
        self.part: Path | None = None

    def __call__(self, url: str, output_file: str | Path, pooch: Any = None) -> None:
        """Transfer `url` to `output_file` (pooch's protocol; its third argument is not needed)."""
        import requests

        part = self.part or Path(f"{output_file}.part")
        most, failures = size_of(part), 0
        while True:
            try:
                self._transfer(url, part)
                break
            except requests.RequestException as error:
                # Only bytes beyond the furthest point reached so far count as an advance.
                failures = 1 if size_of(part) > most else failures + 1
                most = max(most, size_of(part))
                if failures >= self.attempts:
                    raise ConnectionError(
                        f"{url}: the download stopped after {size_of(part)} bytes ({error}). They "
                        f"are kept in {part}: run the same command again to continue."
                    ) from error
                wait = min(self.pause * 2 ** (failures - 1), 60.0)
                log.warning("%s: %s; trying again in %.1f s", url, error, wait)
                time.sleep(wait)
        os.replace(part, output_file)
        _state_path(part).unlink(missing_ok=True)

    def _transfer(self, url: str, part: Path) -> None:
        """Make one request and append what it brings; any shortfall is a RequestException."""
        import requests

        have, state = size_of(part), read_json(_state_path(part))
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
            log.info("%s: %s bytes, %d here already", url, total or "unknown", have)
            with part.open("ab" if resumed else "wb") as file:
                self._write(response, file, have, total)
        if total is not None and size_of(part) != total:
            raise requests.RequestException(f"truncated: {size_of(part)} of {total} bytes")

    def _write(
        self, response: requests.Response, file: IO[bytes], have: int, total: int | None
    ) -> None:
        """Copy the body to `file` in small pieces, so that an interruption loses little."""
        import requests
        import urllib3
        from tqdm import tqdm

        # disable=None: a bar on terminals only
        with tqdm(total=total, initial=have, unit="B", unit_scale=True, disable=None) as bar:
            try:
                # Undecoded: some servers declare a .tgz as a compressed transfer of a .tar.
                for chunk in response.raw.stream(CHUNK, decode_content=False):
                    file.write(chunk)
                    bar.update(len(chunk))
            except urllib3.exceptions.HTTPError as error:
                raise requests.ConnectionError(str(error)) from error


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


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a small JSON object, empty if it is absent or not one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def size_of(path: Path) -> int:
    """Return the size of a file in bytes, 0 if it does not exist."""
    return path.stat().st_size if path.exists() else 0
