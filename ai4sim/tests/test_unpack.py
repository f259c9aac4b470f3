"""Nothing that an archive says can write outside the folder given, and damage is noticed."""

from __future__ import annotations

import io
import random
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ai4sim.io.unpack import DamagedArchiveError, unpack

NOISE = random.Random(0).randbytes(50_000)  # incompressible: every byte of the archive counts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the empty folder to unpack into."""
    (tmp_path / "unpacked").mkdir()
    return tmp_path / "unpacked"


def make_tar(path: Path, *entries: tarfile.TarInfo, mode: str = "w:gz") -> Path:
    """Write a tar; its regular files hold noise."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for entry in entries:
            entry.size = len(NOISE) if entry.isreg() else 0
            archive.addfile(entry, io.BytesIO(NOISE) if entry.isreg() else None)
    return path


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    """Return a tar entry."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def make_zip(path: Path, *entries: zipfile.ZipInfo | str, content: bytes = NOISE) -> Path:
    """Write a zip whose entries all have the same content."""
    with zipfile.ZipFile(path, "w") as archive:
        for info in entries:
            archive.writestr(info, content)
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_every_tar_is_flattened(tmp_path: Path, folder: Path, mode: str) -> None:
    entries = entry("./a", tarfile.DIRTYPE), entry("./a/x.h5"), entry("b/deep/Y.H5"), entry("z.txt")
    archive = make_tar(tmp_path / "no_suffix", *entries, mode=mode)
    assert unpack(archive, folder, (".h5",)) == {"x.h5": "./a/x.h5", "Y.H5": "b/deep/Y.H5"}
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {"x.h5": NOISE, "Y.H5": NOISE}


@pytest.mark.parametrize(
    "name",
    ["../evil.h5", "a/../../evil.h5", "/tmp/evil.h5", "..\\evil.h5", "C:\\evil.h5", "../note.txt"],
)
def test_paths_that_leave_are_refused(tmp_path: Path, folder: Path, name: str) -> None:
    for archive in (make_tar(tmp_path / "t", entry(name)), make_zip(tmp_path / "z", name)):
        with pytest.raises(ValueError, match="unsafe archive, refused: the stored path"):
            unpack(archive, folder, (".h5",))
    assert not list(folder.iterdir())


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret.h5"])
def test_links_that_leave_are_refused(
    tmp_path: Path, folder: Path, kind: bytes, target: str
) -> None:
    archive = make_tar(tmp_path / "t", entry("a/x.h5", kind, target))
    with pytest.raises(ValueError, match=r"the link 'a/x\.h5' leaves it"):
        unpack(archive, folder, (".h5",))


def test_a_zip_link_that_leaves_is_refused(tmp_path: Path, folder: Path) -> None:
    info = zipfile.ZipInfo("x.h5")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    archive = make_zip(tmp_path / "z", info, content=b"../../etc/passwd")
    with pytest.raises(ValueError, match=r"the link 'x\.h5' leaves it \(to '../../etc/passwd'\)"):
        unpack(archive, folder, (".h5",))


def test_links_that_stay_are_other_names_of_what_is_copied(tmp_path: Path, folder: Path) -> None:
    link = entry("a/last.h5", tarfile.SYMTYPE, "../b/x.h5")
    archive = make_tar(tmp_path / "t", link, entry("b/x.h5"), entry("b/._x.h5"))
    assert unpack(archive, folder, (".h5",)) == {"x.h5": "b/x.h5"}


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_devices_are_refused(tmp_path: Path, folder: Path, kind: bytes) -> None:
    with pytest.raises(ValueError, match="device or a pipe"):
        unpack(make_tar(tmp_path / "t", entry("x.h5", kind)), folder, (".h5",))


def test_two_files_of_one_name_are_refused(tmp_path: Path, folder: Path) -> None:
    archive = make_zip(tmp_path / "z", "r2/x.h5", "r3/x.h5")
    with pytest.raises(ValueError, match=r"one name, r2/x\.h5 and r3/x\.h5"):
        unpack(archive, folder, (".h5",))


def test_an_archive_without_raw_files_is_an_error(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no \.h5 or \.hdf5 file"):
        unpack(make_zip(tmp_path / "z", "x.txt"), folder, (".h5", ".hdf5"))


def test_what_stays_in_an_archive_is_named(tmp_path: Path, folder: Path, caplog: Any) -> None:
    caplog.set_level("INFO")
    unpack(make_zip(tmp_path / "z", "x.H5", "a/notes.txt", "y.csv"), folder, (".h5",))
    assert caplog.messages == ["left in the archive: a/notes.txt, y.csv (not named .h5)"]


def test_a_file_larger_than_the_disk_is_refused_unread(tmp_path: Path, folder: Path) -> None:
    archive = make_tar(tmp_path / "t", entry("x.h5"), mode="w")
    huge = entry("x.h5")
    huge.size = 1 << 60
    archive.write_bytes(huge.tobuf(tarfile.GNU_FORMAT) + archive.read_bytes()[512:])
    with pytest.raises(ValueError, match="does not fit on the disk"):
        unpack(archive, folder, (".h5",))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_cut_short_is_damaged(tmp_path: Path, folder: Path, mode: str) -> None:
    archive = make_tar(tmp_path / "t", entry("x.h5"), entry("y.h5"), mode=mode)
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) * 7 // 10])
    with pytest.raises(DamagedArchiveError, match="Fetch it again"):
        unpack(archive, folder, (".h5",))


def test_a_damaged_tar_header_does_not_pass_for_the_end(tmp_path: Path, folder: Path) -> None:
    archive = make_tar(tmp_path / "t", entry("x.h5"), entry("y.h5"), mode="w")
    content = bytearray(archive.read_bytes())
    content[content.index(b"y.h5")] ^= 1
    archive.write_bytes(content)
    with pytest.raises(DamagedArchiveError, match="unreadable entry"):
        unpack(archive, folder, (".h5",))


def test_a_flipped_bit_in_a_compressed_tar_is_noticed(tmp_path: Path, folder: Path) -> None:
    archive = make_tar(tmp_path / "t", entry("x.h5"))
    content = bytearray(archive.read_bytes())
    content[-6] ^= 1  # in the checksum at the very end
    archive.write_bytes(content)
    with pytest.raises(DamagedArchiveError, match="CRC"):
        unpack(archive, folder, (".h5",))


def test_a_zip_cut_short_or_encrypted_is_named(tmp_path: Path, folder: Path) -> None:
    archive = make_zip(tmp_path / "z", "x.h5")
    content = bytearray(archive.read_bytes())
    archive.write_bytes(content[:-30])
    with pytest.raises(DamagedArchiveError, match="Fetch it again"):
        unpack(archive, folder, (".h5",))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.h5 is encrypted"):
        unpack(archive, folder, (".h5",))
