"""Formats of raw files, told by their first bytes, and whether a file is as long as it says.

The netCDF library reads a classic file that was cut short without complaint: the missing numbers
are zeros. The lengths that a classic header implies are therefore added up here (the format is that
of the NetCDF Users' Guide, appendix "File Format Specifications"). HDF5 compares its own length.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from ai4sim.io.files import missing_file_error

Format = Literal["netCDF-4", "netCDF-3"]
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
USER_BLOCK = 512
"""The HDF5 signature is at byte 0, or after a block of the user's of 512, 1024, 2048, ... bytes."""
OTHERS: dict[bytes, str] = {
    b"\x1f\x8b": "a file compressed by gzip: gunzip it first",
    b"BZh": "a file compressed by bzip2: bunzip2 it first",
    b"\xfd7zXZ": "a file compressed by xz: unxz it first",
    b"\x28\xb5\x2f\xfd": "a file compressed by Zstandard: unzstd it first",
    b"GRIB": "a GRIB file: convert it by `grib_to_netcdf` or `cdo -f nc4 copy IN OUT`",
    b"PK\x03\x04": "a zip archive: unpack it first",
    b"\x0e\x03\x13\x01": "an HDF4 file: convert it by `h4toh5`",
    b"version https://git-lfs": "a pointer of git LFS: run `git lfs pull`",
    b"\xc0\xa8\xa3\xa9ADF": "a CGNS file in the format ADF: convert it by `adf2hdf IN OUT`",
    b"@(#)ADF": "a CGNS file in the format ADF: convert it by `adf2hdf IN OUT`",
    b"%PDF": "a PDF document",
    b"CDF\x01": "a netCDF-3 file",
    b"CDF\x02": "a netCDF-3 file with 64-bit offsets",
    b"CDF\x05": "a netCDF-3 file with 64-bit data (CDF-5)",
    HDF5_MAGIC: "a netCDF-4 (HDF5) file",
}
"""First bytes, and what such a file is."""
STREAMING = 2**32 - 1, 2**64 - 1
"""Numbers of records that mean that the length of the file tells it."""
TYPE_SIZES = (0, 1, 1, 2, 4, 4, 8, 1, 2, 4, 8, 8)
"""Bytes of a value, by the type numbers of netCDF-3: byte, char, short, int, float, double, ..."""
DIMENSIONS, VARIABLES, ATTRIBUTES = 10, 11, 12
"""Tags of the lists of a header."""
LONGEST_LIST = 2**20
"""More dimensions, variables or attributes than that no header has."""


class ClassicVariable(NamedTuple):
    """Where a netCDF-3 file has a variable."""

    name: str
    begin: int  # first byte
    size: int  # bytes, of a record variable those of one record
    padded: int  # with the padding to a multiple of four
    is_record: bool


def format_of(path: Path | str) -> Format:
    """Tell whether a file is netCDF-4 (or other HDF5) or netCDF-3, and check that it is whole.

    Raises
    ------
    FileNotFoundError
        There is none; the message has the nearest name.
    ValueError
        It is empty, of another format (which is named, with the way to convert it), damaged, or
        shorter than its header says.
    """
    path = Path(path)
    if not path.is_file():
        raise missing_file_error(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(USER_BLOCK)
        if start[:4] in (b"CDF\x01", b"CDF\x02", b"CDF\x05"):
            check_classic(path)
            return "netCDF-3"
        offset = 0
        while offset < size:
            file.seek(offset)
            if file.read(len(HDF5_MAGIC)) == HDF5_MAGIC:
                return "netCDF-4"
            offset = max(2 * offset, USER_BLOCK)
    raise ValueError(f"{path}: expected a netCDF or HDF5 file, found {description(start, size)}")


def description(start: bytes, size: int) -> str:
    """Say what a file is, by its first bytes and its length."""
    if not size:
        return "an empty file: 0 bytes"
    for magic, name in OTHERS.items():
        if start.startswith(magic):
            return name
    if start[257:262] == b"ustar":
        return "a tar archive: unpack it first"
    if not start.strip(b"\0"):
        return f"{len(start)} zeros at its start: its copy has begun, but not brought the content"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head")):
        return (
            f"a web page (it begins with {_quoted(start)}): the server may want a login; open the "
            "address in a browser"
        )
    return f"a file that begins with {_quoted(start)}, {size} bytes"


def _quoted(start: bytes) -> str:
    """Return the first characters of a text, or the first bytes of what is none."""
    try:
        text = start[:40].decode()
    except UnicodeDecodeError:
        return repr(start[:16])
    return repr(text) if text.isprintable() or "\n" in text else repr(start[:16])


# --- netCDF-3 ---


def check_classic(path: Path) -> None:
    """Compare the length of a netCDF-3 file with its header.

    Raises
    ------
    ValueError
        It is shorter, or its header makes no sense.
    """
    size = path.stat().st_size
    header, records, variables = classic_variables(path)
    fixed = [v for v in variables if not v.is_record]
    repeated = [v for v in variables if v.is_record]
    record = sum(v.padded for v in repeated) if len(repeated) > 1 else sum(v.size for v in repeated)
    _check_places(path, header, fixed, repeated)
    ends = [(v.begin + v.size, v.name) for v in fixed]
    if records and records not in STREAMING:
        ends += [(v.begin + (records - 1) * record + v.size, v.name) for v in repeated]
    expected, last = max(ends, default=(header, ""))
    if size < expected:
        raise ValueError(
            f"{path}: the file has {size} bytes, its header says {expected}: it was cut short, or "
            f"is still being copied; variable {last} is not whole"
        )


def classic_variables(path: Path) -> tuple[int, int, list[ClassicVariable]]:
    """Read the header of a netCDF-3 file: its length, the number of records, the variables.

    Raises
    ------
    ValueError
        It makes no sense, or the file ends in it.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            records, variables = _Header(file, size).read()
            return file.tell(), records, variables
    except EOFError as error:
        raise ValueError(
            f"{path}: the file has {size} bytes, which end within its header (netCDF-3): it was "
            "cut short, or is damaged"
        ) from error
    except (ValueError, IndexError, struct.error, OverflowError) as error:
        raise ValueError(f"{path}: its header (netCDF-3) is damaged: {error}") from error


def _check_places(
    path: Path, header: int, fixed: list[ClassicVariable], repeated: list[ClassicVariable]
) -> None:
    """Raise ValueError where variables overlap each other or the header."""
    end, before = header, "the header"
    for variable in [*sorted(fixed, key=_begin), *sorted(repeated, key=_begin)]:
        if variable.begin < end:
            raise ValueError(
                f"{path}: its header (netCDF-3) is damaged: variable {variable.name} begins at "
                f"byte {variable.begin}, within {before}, which ends at {end}"
            )
        end, before = variable.begin + variable.size, f"variable {variable.name}"


def _begin(variable: ClassicVariable) -> int:
    return variable.begin


class _Header:
    """The header of a netCDF-3 file, read front to back."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size
        version = file.read(4)[3]
        self.count_format = ">q" if version == 5 else ">i"
        self.offset_format = ">i" if version == 1 else ">q"

    def read(self) -> tuple[int, list[ClassicVariable]]:
        """Return the number of records and the variables."""
        records = self._count(signed=False)
        lengths = []
        for _ in self._list(DIMENSIONS):
            self._name()
            lengths.append(self._count())
        self._skip_attributes()
        variables = []
        for _ in self._list(VARIABLES):
            name = self._name()
            shape = [lengths[self._count()] for _ in range(self._limited())]
            self._skip_attributes()
            kind = self._number(">i")
            if not 1 <= kind < len(TYPE_SIZES):
                raise ValueError(f"variable {name} has the unknown type {kind}")
            self._count(signed=False)  # the size, which overflows where it is large
            is_record = bool(shape) and shape[0] == 0
            size = TYPE_SIZES[kind] * math.prod(shape[1:] if is_record else shape)
            begin = self._number(self.offset_format)
            variables.append(ClassicVariable(name, begin, size, -(-size // 4) * 4, is_record))
        return records, variables

    def _bytes(self, count: int) -> bytes:
        if self.file.tell() + count > self.size:
            raise EOFError
        found: bytes = self.file.read(count)
        return found

    def _number(self, form: str) -> int:
        value: int = struct.unpack(form, self._bytes(struct.calcsize(form)))[0]
        return value

    def _count(self, signed: bool = True) -> int:
        return self._number(self.count_format if signed else self.count_format.upper())

    def _limited(self) -> int:
        count = self._count()
        if not 0 <= count <= LONGEST_LIST:
            raise ValueError(f"a list of {count} entries")
        return count

    def _name(self) -> str:
        count = self._limited()
        return self._bytes(-(-count // 4) * 4)[:count].decode()

    def _list(self, tag: int) -> Iterator[int]:
        found, count = self._number(">i"), self._limited()
        if found not in (0, tag) or (found == 0 and count):
            raise ValueError(f"a list begins with {found}, expected {tag}")
        return iter(range(count))

    def _skip_attributes(self) -> None:
        for _ in self._list(ATTRIBUTES):
            name, kind, count = self._name(), self._number(">i"), self._count()
            if not 1 <= kind < len(TYPE_SIZES) or count < 0:
                raise ValueError(f"attribute {name} has {count} values of the type {kind}")
            self._bytes(-(-count * TYPE_SIZES[kind] // 4) * 4)
