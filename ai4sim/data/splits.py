"""Which files train, which validate, which test: never a random draw of correlated snapshots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from itertools import chain, combinations
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ai4sim.io.names import cases as cases_of
from ai4sim.io.names import natural_key

Strategy = Literal["time", "case", "all-test"]
Group = TypeVar("Group", int, str)
Item = TypeVar("Item")
SETS = ("train", "val", "test")
TABLES = ("splits.yaml", "filenames-split.yaml")
SYNONYMS = {"valid": "val", "validation": "val"}


@dataclass(frozen=True)
class Split:
    """The three sets, each a list of files in the order of time.

    Attributes
    ----------
    train, val, test : list of Path
    unused : dict of Path to str
        The files in no set, and why.
    remarks : tuple of str
        What is unusual about the division, such as a case that is too short to be cut.
    """

    train: list[Path] = field(default_factory=list)
    val: list[Path] = field(default_factory=list)
    test: list[Path] = field(default_factory=list)
    unused: dict[Path, str] = field(default_factory=dict, compare=False)
    remarks: tuple[str, ...] = field(default=(), compare=False)

    def require(self, name: str, source: str) -> list[Path]:
        """Return one set; an empty one is an error that says how the files were divided."""
        files: list[Path] = getattr(self, name)
        if not files:
            number = len({*self.train, *self.val, *self.test, *self.unused})
            remarks = "".join(f"; {remark}" for remark in self.remarks)
            raise ValueError(
                f"the {name} set is empty ({source}): {len(self.train)} train, {len(self.val)} "
                f"val, {len(self.test)} test files of {number}{remarks}. Give more files, other "
                "ratios, a smaller gap, or a splits.yaml beside raw/"
            )
        return files


def check_ratios(ratios: Sequence[float]) -> None:
    """Raise ValueError unless three non-negative ratios sum to 1 within 1e-6."""
    if len(ratios) != 3 or min(ratios) < 0 or abs(sum(ratios) - 1) > 1e-6:
        raise ValueError(
            f"split ratios must be three non-negative numbers (train, val, test) that sum to 1, "
            f"found {list(ratios)} with sum {sum(ratios):g}"
        )


def _shares(n: int, ratios: Sequence[float]) -> list[int]:
    """Split n into whole shares near the ratios; no positive ratio gets 0 where n allows it."""
    shares = [int(n * r + 1e-9) for r in ratios]
    remainders = sorted(range(3), key=lambda i: shares[i] - n * ratios[i])
    for i in remainders[: n - sum(shares)]:
        shares[i] += 1
    for i in range(3):
        if ratios[i] > 0 and shares[i] == 0 and max(shares) > 1:
            shares[shares.index(max(shares))] -= 1
            shares[i] = 1
    return shares


def _blocks(items: Sequence[Item], ratios: Sequence[float], gap: int = 0) -> list[list[Item]]:
    """Cut a sequence into three blocks near the ratios, `gap` items apart."""
    check_ratios(ratios)
    blocks = sum(r > 0 for r in ratios)
    found, start = [], 0
    for share in _shares(max(len(items) - gap * (blocks - 1), 0), ratios):
        found.append(list(items[start : start + share]))
        start += share + gap if share else 0
    return found


Cases = Mapping[str, Sequence[Sequence[Path]]]
"""Simulations by name, the instants of each, the files of each; see ai4sim.io.names.cases."""


def by_time(cases: Cases, ratios: Sequence[float], gap: int) -> Split:
    """Cut each simulation into three blocks of time, `gap` instants apart.

    Parameters
    ----------
    cases : mapping of str to sequence of sequence of Path
        Simulations, the instants of each in the order of time, the files of each instant: patches
        or members, say, which go to the same set. See :func:`ai4sim.io.names.cases`.
    ratios : (train, val, test)
        Shares of the instants that remain after the gaps.
    gap : int
        Instants dropped between two blocks, so that nearly identical snapshots never face each
        other.
    """
    if gap < 0:
        raise ValueError(f"gap must be a number of instants >= 0, found {gap}")
    blocks = sum(ratio > 0 for ratio in ratios)
    needed = blocks + gap * (blocks - 1)
    rule = f"{_count(blocks, 'block')} and {_count(blocks - 1, 'gap')} of {gap} need {needed}"
    train: list[Path] = []
    val: list[Path] = []
    test: list[Path] = []
    unused: dict[Path, str] = {}
    short = []
    for name, instants in cases.items():
        cut = [list(chain.from_iterable(block)) for block in _blocks(instants, ratios, gap)]
        for of_set, of_case in zip((train, val, test), cut, strict=True):
            of_set += of_case
        reason = "in the gap between two sets"
        if len(instants) < needed:
            reason = f"case '{name}' has {_count(len(instants), 'instant')}; {rule}"
            parts = zip(SETS, ratios, cut, strict=True)
            empty = [part for part, ratio, files in parts if ratio and not files]
            short.append(f"'{name}' with {len(instants)}, none in {' or '.join(empty)}")
        used = set(chain.from_iterable(cut))
        unused |= {f: reason for files in instants for f in files if f not in used}
    remark = f"too few instants ({rule}) in {len(short)} of {_count(len(cases), 'case')}: "
    return Split(train, val, test, unused, (remark + _listed(short, "; "),) if short else ())


def by_case(cases: Cases, ratios: Sequence[float]) -> Split:
    """Give whole simulations to the sets, in the order of their names."""
    blocks = _blocks(list(cases), ratios)
    train, val, test = (
        [f for case in block for files in cases[case] for f in files] for block in blocks
    )
    lacking = any(ratio and not block for ratio, block in zip(ratios, blocks, strict=True))
    remark = f"there {'is' if len(cases) == 1 else 'are'} {_count(len(cases), 'case')}: "
    return Split(train, val, test, remarks=(remark + _listed(list(cases)),) if lacking else ())


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"


def _listed(items: Sequence[str], separator: str = ", ", most: int = 5) -> str:
    """Name the first few of some items."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return separator.join(items[:most]) + more


def by_group(
    sizes: Mapping[Group, int], ratios: Sequence[float], seed: int = 0
) -> dict[Group, str]:
    """Give whole groups of samples to the sets, so that the samples come near the ratios.

    Parameters
    ----------
    sizes : mapping of group to int
        Samples of each group, such as columns that were made of one another.
    ratios : (train, val, test)
        Shares of the samples.
    seed : int
        Groups are drawn at random, large ones first. The same groups, in any order, are always
        divided in the same way.

    Returns
    -------
    dict of group to str
        The set of each group, one of `SETS`. None with a positive ratio is empty where there are
        groups enough.
    """
    check_ratios(ratios)
    names = sorted(sizes)
    order = np.random.default_rng(seed).permutation(len(names))
    drawn = sorted((names[i] for i in order), key=lambda name: -sizes[name])
    # Each goes where most samples are missing; the small ones, which come last, even things out.
    missing = [sum(sizes.values()) * ratio for ratio in ratios]
    sets: list[list[Group]] = [[], [], []]
    for group in drawn:
        chosen = max(range(3), key=lambda i: (ratios[i] > 0, missing[i]))
        sets[chosen].append(group)
        missing[chosen] -= sizes[group]
    for i in range(3):
        largest = max(sets, key=len)
        if ratios[i] > 0 and not sets[i] and len(largest) > 1:
            sets[i].append(largest.pop())
    return {group: SETS[i] for i in range(3) for group in sets[i]}


def runs(chosen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the first index and the end of each run of neighbours that are chosen.

    Examples
    --------
    >>> runs(np.array([True, True, False, True]))
    [(0, 2), (3, 4)]
    """
    edges = np.flatnonzero(np.diff(chosen.astype(np.int8), prepend=0, append=0)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def find_table(folder: Path) -> Path | None:
    """Return the explicit split of a data folder, the first of `TABLES` that is there."""
    return next((folder / name for name in TABLES if (folder / name).is_file()), None)


def explicit(files: Sequence[Path], table: Path) -> Split:
    """Read ``splits.yaml``: each of train, val, test a list of file names or glob patterns.

    The validation set may also be named valid or validation.

    Raises
    ------
    ValueError
        An unknown set, one that is named twice, a name that matches no file, or a file in two sets.
    """
    import yaml

    loaded = yaml.safe_load(table.read_text()) or {}
    keys = list(loaded) if isinstance(loaded, dict) else [type(loaded).__name__]
    names = [SYNONYMS.get(key, key) for key in keys]
    if not set(names) <= set(SETS) or len(set(names)) < len(names):
        raise ValueError(f"{table}: expected the keys train, val, test, found {sorted(keys)}")
    content = dict(zip(names, loaded.values(), strict=True))
    sets: dict[str, list[Path]] = {}
    owner: dict[Path, str] = {}
    for name in SETS:
        chosen: list[Path] = []
        for pattern in content.get(name) or []:
            matches = [f for f in files if fnmatch(f.name, pattern)]
            if not matches:
                raise ValueError(f"{table}: {name}: no raw file is named '{pattern}'")
            chosen += [f for f in matches if f not in chosen]
        for f in chosen:
            if owner.setdefault(f, name) != name:
                raise ValueError(f"{table}: {f.name} stands in both {owner[f]} and {name}")
        sets[name] = chosen
    unused = {file: f"not listed in {table.name}" for file in files if file not in owner}
    remark = f"{table} lists no set for {_count(len(unused), 'file')}: "
    remarks = (remark + _listed([file.name for file in unused]),) if unused else ()
    return Split(**sets, unused=unused, remarks=remarks)


def overlaps(
    times: Mapping[str, Mapping[Path, NDArray[np.datetime64]]], case: Callable[[Path], str]
) -> list[str]:
    """Return the files of one case that hold the same times in two sets.

    Parameters
    ----------
    times : mapping of str to mapping of Path to array of datetime64
        For each set its files, for each file its times in this set.
    case : callable
        File -> the case within which times are compared.

    Returns
    -------
    list of str
        For each pair of sets with common times, a message with files and times.
    """
    found = []
    owners: dict[str, dict[tuple[str, np.datetime64], Path]] = {
        name: {
            (case(file), time): file
            for file, of_file in files.items()
            for time in np.unique(of_file[~np.isnat(of_file)]).astype("datetime64[us]")
        }
        for name, files in times.items()
    }
    for first, second in combinations(owners, 2):
        common = sorted(owners[first].keys() & owners[second].keys())
        if common:
            file, other = owners[first][common[0]], owners[second][common[0]]
            time = np.datetime_as_string(common[0][1], unit="s")
            found.append(
                f"{first} and {second} have {_count(len(common), 'time')} in common; the first is "
                f"{time}, in {file} ({first}) and {other} ({second})"
            )
    return found


def split_files(
    files: Sequence[Path],
    *,
    table: Path | None = None,
    strategy: Strategy = "time",
    ratios: Sequence[float] = (0.7, 0.15, 0.15),
    gap: int = 1,
    test_cases: Sequence[str] = (),
) -> Split:
    """Divide raw files into train, val and test.

    Parameters
    ----------
    files : sequence of Path
        All raw files.
    table : Path, optional
        What :func:`find_table` gave, say; it wins over `strategy`, except over ``all-test``.
    strategy : {"time", "case", "all-test"}
        ``time``: every case is cut into blocks of time, files named by dates as well; ``case``:
        whole cases; ``all-test``: everything tests.
    ratios, gap
        See :func:`by_time`.
    test_cases : sequence of str
        Cases kept wholly out of training and validation; they join the test set.

    Raises
    ------
    ValueError
        Dates in names are unclear, see :func:`ai4sim.io.names.cases`; `test_cases` are not there;
        or see :func:`explicit`.
    """
    ordered = sorted(files, key=natural_key)
    if strategy == "all-test":
        return Split(test=ordered)
    if table is not None:
        return explicit(ordered, table)
    cases = cases_of(ordered)
    unknown = sorted(set(test_cases) - set(cases))
    if unknown:
        raise ValueError(f"test_cases {unknown} are not among the cases found: {sorted(cases)}")
    held_out = [f for name in test_cases for files in cases.pop(name) for f in files]
    split = by_case(cases, ratios) if strategy == "case" else by_time(cases, ratios, gap)
    return replace(split, test=split.test + held_out)
