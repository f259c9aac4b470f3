"""A fetch ends with the whole archive unpacked, or with an error that says what to do."""

from __future__ import annotations

import hashlib
import io
import json
import random
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ai4sim.io.download import ResumingDownloader, Source, fetch
from ai4sim.tests.archive_server import ArchiveServer, serving

FIELDS = {
    f"DATA/run/DNS1_{number:03d}.h5": random.Random(number).randbytes(100_000)
    for number in range(3)
}


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip archive in memory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def server() -> Iterator[ArchiveServer]:
    """Serve a zip of three raw files and a text."""
    with serving(zipped(FIELDS | {"DATA/README.txt": b"flames"})) as running:
        yield running


def quick(attempts: int = 3) -> ResumingDownloader:
    """Return a downloader that does not wait long."""
    return ResumingDownloader(attempts=attempts, pause=0.001, timeout=5)


def archive(
    server: ArchiveServer, folder: Path, attempts: int = 3, sha256: str | None = None, **source: Any
) -> list[Path]:
    """Fetch the archive that the server holds."""
    return fetch(Source(server.url, **source), folder, sha256=sha256, downloader=quick(attempts))


def assert_complete(folder: Path) -> None:
    """Check that the three raw files are there and nothing else is."""
    content = {p.name: p.read_bytes() for p in (folder / "raw").iterdir()}
    assert content == {Path(name).name: data for name, data in FIELDS.items()}
    left = {p.suffix for p in (folder / "downloads").iterdir() if p.name != ".lock"}
    assert left == {".json"}


def sha256(content: bytes) -> str:
    """Return the hash of what is served."""
    return hashlib.sha256(content).hexdigest()


def test_files_are_gathered_once(server: ArchiveServer, tmp_path: Path) -> None:
    files = archive(server, tmp_path, sha256=sha256(server.content).upper())
    assert [f.name for f in files] == ["DNS1_000.h5", "DNS1_001.h5", "DNS1_002.h5"]
    assert_complete(tmp_path)
    assert archive(server, tmp_path) == files and len(server.asked) == 1
    receipt = json.loads(next((tmp_path / "downloads").glob("*.json")).read_text())
    assert receipt["url"] == server.url and receipt["sha256"] == sha256(server.content)


def test_a_lost_file_is_fetched_again(server: ArchiveServer, tmp_path: Path) -> None:
    files = archive(server, tmp_path)
    files[1].unlink()
    archive(server, tmp_path)
    assert_complete(tmp_path)
    assert len(server.asked) == 2


def test_truncated_transfers_are_continued(server: ArchiveServer, tmp_path: Path) -> None:
    server.cut_after = [100_000, 70_000, 0]
    archive(server, tmp_path, sha256=sha256(server.content))
    assert_complete(tmp_path)
    assert server.asked == ["", "bytes=100000-", "bytes=170000-", "bytes=170000-"]


@pytest.mark.parametrize("etag", [True, False])
def test_an_interrupted_download_resumes_in_a_later_run(
    server: ArchiveServer, tmp_path: Path, etag: bool
) -> None:
    server.etag, server.cut_after = etag, [150_000]
    with pytest.raises(ConnectionError, match="after 150000 bytes .*same command again"):
        archive(server, tmp_path, attempts=1)
    assert not list((tmp_path / "raw").iterdir())
    archive(server, tmp_path)
    assert_complete(tmp_path)
    assert server.asked == ["", "bytes=150000-"]


def test_a_killed_download_resumes(server: ArchiveServer, tmp_path: Path) -> None:
    half_sent, go_on = threading.Event(), threading.Event()
    answer = server.answer

    def stall(handler: object) -> None:
        server.cut_after = [200_000]
        answer(handler)  # type: ignore[arg-type]
        half_sent.set()
        go_on.wait(10)

    server.answer = stall  # type: ignore[method-assign]
    code = "import sys; from ai4sim.io.download import Source, fetch"
    code += "; fetch(Source(sys.argv[1]), sys.argv[2])"
    process = subprocess.Popen([sys.executable, "-c", code, server.url, str(tmp_path)])
    assert half_sent.wait(20)
    while sum(p.stat().st_size for p in (tmp_path / "downloads").glob("*.part")) < 131_072:
        go_on.wait(0.01)
    process.kill()
    process.wait()
    go_on.set()
    server.answer = answer  # type: ignore[method-assign]
    archive(server, tmp_path)
    assert_complete(tmp_path)
    assert int(server.asked[-1].strip("bytes=-")) >= 131_072


def test_a_server_that_ignores_ranges_sends_all_again(
    server: ArchiveServer, tmp_path: Path
) -> None:
    server.ranges, server.cut_after = False, [150_000, 10]
    archive(server, tmp_path, sha256=sha256(server.content))
    assert_complete(tmp_path)
    assert server.asked == ["", "bytes=150000-", "bytes=10-"]


@pytest.mark.parametrize("etag", [True, False])
def test_a_changed_remote_file_is_not_mixed_with_the_old(
    server: ArchiveServer, tmp_path: Path, etag: bool
) -> None:
    new, server.content = server.content, b"x" * 200_000
    server.etag, server.cut_after = etag, [150_000]
    with pytest.raises(ConnectionError):
        archive(server, tmp_path, attempts=1)
    server.content = new
    archive(server, tmp_path, sha256=sha256(new))
    assert_complete(tmp_path)


def test_a_part_complete_before_the_kill_is_recognised(
    server: ArchiveServer, tmp_path: Path
) -> None:
    server.cut_after = [len(server.content) - 1]
    with pytest.raises(ConnectionError):
        archive(server, tmp_path, attempts=1)
    part = next(iter((tmp_path / "downloads").glob("*.part")))
    part.write_bytes(server.content)
    archive(server, tmp_path)
    assert_complete(tmp_path)
    assert server.asked[-1] == f"bytes={len(server.content)}-"


def test_a_server_that_always_truncates_is_given_up(server: ArchiveServer, tmp_path: Path) -> None:
    server.ranges, server.cut_after = False, [1000] * 9
    with pytest.raises(ConnectionError, match="stopped after 1000 bytes"):
        archive(server, tmp_path)
    assert len(server.asked) == 3 and len(list((tmp_path / "downloads").glob("*.part"))) == 1


def test_server_errors_are_retried_and_client_errors_are_not(
    server: ArchiveServer, tmp_path: Path
) -> None:
    server.statuses = [503, 429, 200]
    archive(server, tmp_path / "retried")
    assert_complete(tmp_path / "retried")
    for status, error in ((404, FileNotFoundError), (403, PermissionError), (400, ConnectionError)):
        server.statuses, server.asked = [status], []
        with pytest.raises(error, match=str(status)):
            archive(server, tmp_path / "refused")
        assert len(server.asked) == 1


def test_an_unreachable_server_is_named(tmp_path: Path) -> None:
    with serving(b"") as stopped:
        pass
    with pytest.raises(ConnectionError, match=stopped.url):
        archive(stopped, tmp_path)


def test_a_corrupted_archive_is_removed(server: ArchiveServer, tmp_path: Path) -> None:
    good = server.content
    server.content = good[:5000] + b"?" + good[5001:]
    with pytest.raises(ValueError) as caught:
        archive(server, tmp_path, sha256=sha256(good))
    assert sha256(good) in str(caught.value) and sha256(server.content) in str(caught.value)
    assert "Run the same command again" in str(caught.value)
    with pytest.raises(ValueError, match=r"damaged at DATA/run/DNS1_000\.h5 .*CRC"):
        archive(server, tmp_path)  # without a hash the archive's own checksum tells
    assert not list((tmp_path / "raw").iterdir())
    assert [p.name for p in (tmp_path / "downloads").iterdir()] == [".lock"]
    server.content = good
    archive(server, tmp_path, sha256=sha256(good))
    assert_complete(tmp_path)


def test_unknown_length_and_declared_compression(server: ArchiveServer, tmp_path: Path) -> None:
    server.says_length, server.headers = False, {"Content-Encoding": "gzip"}
    archive(server, tmp_path, sha256=sha256(server.content))
    assert_complete(tmp_path)


def test_a_web_page_is_no_archive(server: ArchiveServer, tmp_path: Path) -> None:
    server.content = b"<!DOCTYPE html><html>Choose a file</html>"
    with pytest.raises(ValueError, match="no zip or tar archive.*DOCTYPE.*web page"):
        archive(server, tmp_path)
    assert [p.name for p in (tmp_path / "downloads").iterdir()] == [".lock"]


def test_unexpected_files_never_reach_raw(server: ArchiveServer, tmp_path: Path) -> None:
    def refuse_the_last(path: Path) -> None:
        if path.name == "DNS1_002.h5":
            raise ValueError("not a flame")

    message = r"DATA/run/DNS1_002\.h5 in the archive cannot be used: not a flame"
    with pytest.raises(ValueError, match=message):
        archive(server, tmp_path, check=refuse_the_last)
    assert not list((tmp_path / "raw").iterdir())
    archive(server, tmp_path)  # the archive was kept
    assert len(server.asked) == 1
    assert_complete(tmp_path)


def test_files_of_the_user_are_not_overwritten(server: ArchiveServer, tmp_path: Path) -> None:
    mine = tmp_path / "raw" / "DNS1_001.h5"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"DNS1_001\.h5 exists with other content"):
        archive(server, tmp_path)
    assert mine.read_bytes() == b"mine" and len(list(mine.parent.iterdir())) == 1
    mine.write_bytes(FIELDS["DATA/run/DNS1_001.h5"])  # as after a kill while gathering
    archive(server, tmp_path)
    assert_complete(tmp_path)


def test_two_processes_fetch_once(server: ArchiveServer, tmp_path: Path) -> None:
    threads = [threading.Thread(target=archive, args=(server, tmp_path)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_complete(tmp_path)
    assert len(server.asked) == 1


def test_a_local_archive_is_unpacked_and_left_alone(tmp_path: Path) -> None:
    here = tmp_path / "flames.zip"
    here.write_bytes(zipped(FIELDS))
    with pytest.raises(ValueError, match="expected 000"):
        fetch(Source(), tmp_path, url=str(here), sha256="0" * 64)
    fetch(Source(), tmp_path, url=str(here), sha256=sha256(here.read_bytes()))
    assert_complete(tmp_path)
    assert here.exists()
    with pytest.raises(FileNotFoundError, match="Nearest name there: flames.zip"):
        fetch(Source(), tmp_path, url=str(tmp_path / "flame.zip"))


def single(server: ArchiveServer, folder: Path, sha256: str | None = None, **source: Any) -> Path:
    """Fetch what the server holds as one raw file."""
    wanted: dict[str, Any] = {"2015.h5": [{}]}
    (file,) = fetch(Source(server.url, **source), folder, wanted, sha256=sha256, downloader=quick())
    return file


def test_a_single_file_is_fetched_once(server: ArchiveServer, tmp_path: Path) -> None:
    server.cut_after = [100_000]
    for _ in range(2):
        file = single(server, tmp_path, sha256=sha256(server.content))
    assert file == tmp_path / "raw" / "2015.h5" and file.read_bytes() == server.content
    assert server.asked == ["", "bytes=100000-"]
    left = {p.suffix for p in (tmp_path / "downloads").iterdir() if p.name != ".lock"}
    assert left == {".json"} and len(list((tmp_path / "raw").iterdir())) == 1
    file.unlink()
    assert single(server, tmp_path).exists() and len(server.asked) == 3


def test_a_single_file_is_converted_on_the_way(server: ArchiveServer, tmp_path: Path) -> None:
    def reverse(parts: list[Path], raw: Path) -> None:
        raw.write_bytes(parts[0].read_bytes()[::-1])

    seen: list[Path] = []
    file = single(server, tmp_path, convert=reverse, check=seen.append)
    assert file.read_bytes() == server.content[::-1]
    assert len(seen) == 1 and seen[0].parent == file.parent and seen[0].name.startswith(".")
    single(server, tmp_path, convert=reverse)
    assert len(server.asked) == 1


def test_a_single_file_that_is_refused_is_kept_aside(server: ArchiveServer, tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise ValueError(f"{path}: not columns")

    def convert(parts: list[Path], _: Path) -> None:
        refuse(parts[0])

    message = (
        f"{server.url}: the file cannot be used: not columns. It is kept in .*to fetch it anew"
    )
    for option in ({"check": refuse}, {"convert": convert}):
        with pytest.raises(ValueError, match=message):
            single(server, tmp_path, **option)
        assert not list((tmp_path / "raw").iterdir())
    assert single(server, tmp_path).exists() and len(server.asked) == 1


def test_a_single_file_of_the_user_is_not_overwritten(
    server: ArchiveServer, tmp_path: Path
) -> None:
    mine = tmp_path / "raw" / "2015.h5"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    with pytest.raises(
        FileExistsError, match=rf"2015\.h5 exists with other content than {server.url}"
    ):
        single(server, tmp_path)
    assert [p.read_bytes() for p in mine.parent.iterdir()] == [b"mine"]


def test_a_single_local_file_is_copied(tmp_path: Path) -> None:
    source = tmp_path / "source.nc"
    source.write_bytes(b"columns")
    url = str(tmp_path / "{name}.nc")
    dates = {"2015.h5": [{"name": "source"}], "2016.h5": [{"name": "sourc"}]}
    with pytest.raises(FileNotFoundError, match="Nearest name there: source.nc"):
        fetch(Source(), tmp_path, dates, url=url)
    assert (tmp_path / "raw" / "2015.h5").read_bytes() == b"columns" and source.exists()
    with pytest.raises(ValueError, match="expected 000"):
        fetch(Source(), tmp_path / "new", {"2015.h5": [{}]}, url=str(source), sha256="0" * 64)


def test_parts_of_a_file_are_fetched_once_and_joined(server: ArchiveServer, tmp_path: Path) -> None:
    here = tmp_path / "here.h5"
    here.write_bytes(b"and the end")
    urls = [server.url + "/a", server.url + "/b", str(here), str(here)]

    def join(parts: list[Path], joined: Path) -> None:
        joined.write_bytes(b"".join(part.read_bytes()[-11:] for part in parts))

    def joined() -> list[Path]:
        wanted = {"c.h5": [{"part": url} for url in urls]}  # one of them twice
        return fetch(Source("{part}", convert=join), tmp_path / "data", wanted, downloader=quick())

    server.content = b"a beginning"
    server.statuses = [200, 404]
    with pytest.raises(FileNotFoundError, match=r"/b: the server answers 404"):
        joined()
    for _ in range(2):
        (file,) = joined()
        assert file.read_bytes() == b"a beginninga beginningand the end"
    assert len(server.asked) == 3  # the first part had come, the second is missing but once
    assert here.exists() and not list((tmp_path / "data" / "downloads").glob("*.archive"))


def test_wrong_arguments_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits, found 'abc'"):
        fetch(Source("http://127.0.0.1/x"), tmp_path, sha256="abc")
    with pytest.raises(ValueError, match=r"ftp://x/y: expected an http"):
        fetch(Source("ftp://x/y"), tmp_path)
    with pytest.raises(ValueError, match="no address of this data set is public.*--url"):
        fetch(Source(), tmp_path)
    dates = Source("http://127.0.0.1/{date}.nc", fields=("date",))
    with pytest.raises(ValueError, match=r"url: expected \{date\} in it.*; found \./x\.nc"):
        fetch(dates, tmp_path, {"x.nc": [{"date": "2015"}]}, url="./x.nc")
