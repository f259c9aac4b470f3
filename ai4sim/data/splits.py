"""Which files train, which validate, which test: never a random draw of correlated snapshots."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Strategy = Literal["time", "case", "all-test"]
Group = TypeVar("Group", int, str)
Item = TypeVar("Item")
SETS = ("train", "val", "test")
TABLES = ("splits.yaml", "filenames-split.yaml")
SYNONYMS = {"valid": "val", "validation": "val"}
DATE = re.compile(r"[_.\-]?(?<!\d)\d{4}-?\d{2}-?\d{2}(T\d{2}:?\d{2}(:?\d{2})?Z?)?$")


@dataclass(frozen=True)
class Split:
    """The three sets, each a list of files in the order of time."""

    train: list[Path] = field(default_factory=list)
    val: list[Path] = field(default_factory=list)
    test: list[Path] = field(default_factory=list)

    def require(self, name: str, source: str) -> list[Path]:
        """Return one set; an empty one is an error that names where the split came from."""
        files: list[Path] = getattr(self, name)
        if not files:
            raise ValueError(
                f"the {name} set is empty ({source}): {len(self.train)} train, "
                f"{len(self.val)} val, {len(self.test)} test files. Give more files, other "
                "ratios, a smaller gap, or a splits.yaml beside raw/"
            )
        return files


def natural_key(path: Path) -> list[str | int]:
    """Sort key in which ``run_10`` follows ``run_9``."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]


def case_of(path: Path) -> str:
    """Return the simulation that a file belongs to: its stem without the trailing number or date.

    ``DNS1_007.h5`` belongs to ``DNS1``, ``R2K1_0001.h5`` to ``R2K1``, ``snapshot12.h5`` to
    ``snapshot``. Files that are named by a date alone, ``2015-01-31.h5``, or a date and time,
    ``2015-01-31T1200.h5``, are all of one case, ``date``.
    """
    if DATE.search(path.stem):
        return DATE.sub("", path.stem) or "date"
    return re.sub(r"[_.\-]?\d+$", "", path.stem) or path.stem


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


def by_time(files: Sequence[Path], ratios: Sequence[float], gap: int) -> Split:
    """Cut one simulation into three blocks of time, `gap` files apart.

    Parameters
    ----------
    files : sequence of Path
        In the order of time.
    ratios : (train, val, test)
        Shares of the files that remain after the gaps.
    gap : int
        Files dropped between two blocks, so that nearly identical snapshots never face each other.
    """
    if gap < 0:
        raise ValueError(f"gap must be a number of files >= 0, found {gap}")
    return Split(*_blocks(files, ratios, gap))


def by_case(cases: dict[str, list[Path]], ratios: Sequence[float]) -> Split:
    """Give whole simulations to the sets, in the order of their names."""
    blocks = _blocks(list(cases), ratios)
    return Split(*([file for case in block for file in cases[case]] for block in blocks))


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
    return Split(**sets)


def split_files(
    files: Sequence[Path],
    *,
    table: Path | None = None,
    strategy: Strategy = "time",
    ratios: Sequence[float] = (0.7, 0.15, 0.15),
    gap: int = 1,
    test_cases: Sequence[str] = (),
    case: Callable[[Path], str] = case_of,
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
    case : callable
        Name of the simulation that a file belongs to.
    """
    ordered = sorted(files, key=natural_key)
    if strategy == "all-test":
        return Split(test=ordered)
    if table is not None:
        return explicit(ordered, table)
    cases = {name: list(group) for name, group in groupby(sorted(ordered, key=case), key=case)}
    unknown = sorted(set(test_cases) - set(cases))
    if unknown:
        raise ValueError(f"test_cases {unknown} are not among the cases found: {sorted(cases)}")
    held_out = [f for name in test_cases for f in cases.pop(name)]
    if strategy == "case":
        split = by_case(cases, ratios)
        return Split(split.train, split.val, split.test + held_out)
    parts = [by_time(group, ratios, gap) for group in cases.values()]
    return Split(
        train=[f for part in parts for f in part.train],
        val=[f for part in parts for f in part.val],
        test=[f for part in parts for f in part.test] + held_out,
    )
