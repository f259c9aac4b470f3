"""Splits: blocks with gaps, whole cases, explicit lists, and what is wrong with them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai4sim.data.splits import (
    Split,
    by_group,
    by_time,
    explicit,
    find_table,
    overlaps,
    runs,
    split_files,
)
from ai4sim.io.names import case_of, cases, natural_key

RUN = [Path(f"raw/A_{i}.h5") for i in range(12)]


def test_blocks_of_time_are_contiguous_and_a_gap_apart():
    split = by_time(cases(RUN), (0.6, 0.2, 0.2), gap=1)
    assert split.train == RUN[:6]
    assert split.val == RUN[7:9]
    assert split.test == RUN[10:12]


@given(
    n=st.integers(8, 200),
    gap=st.integers(0, 2),
    ratios=st.sampled_from(
        [(0.7, 0.2, 0.1), (0.8, 0.2, 0.0), (1 / 3, 1 / 3, 1 / 3), (0.9, 0.05, 0.05)]
    ),
)
def test_no_file_is_in_two_sets_and_neighbours_are_separated(n, gap, ratios):
    files = [Path(f"A_{i}.h5") for i in range(n)]
    split = by_time(cases(files), ratios, gap)
    sets = [s for s in (split.train, split.val, split.test) if s]
    assert len(sets) == sum(r > 0 for r in ratios)
    for before, after in zip(sets, sets[1:], strict=False):
        assert files.index(after[0]) - files.index(before[-1]) == gap + 1
    assert sum(map(len, sets)) == n - gap * (len(sets) - 1)


def test_files_are_ordered_by_number_not_by_letter():
    shuffled = [RUN[i] for i in (10, 2, 1, 0, 11, 9, 3, 4, 5, 8, 7, 6)]
    assert split_files(shuffled, ratios=(1.0, 0.0, 0.0)).train == RUN
    assert natural_key(Path("x_9.h5")) < natural_key(Path("x_10.h5"))


def test_every_case_is_cut_and_a_held_out_case_only_tests():
    files = RUN + [Path(f"raw/B_{i}.h5") for i in range(4)]
    split = split_files(files, ratios=(0.6, 0.2, 0.2), gap=1, test_cases=["B"])
    assert {case_of(f) for f in split.train + split.val} == {"A"}
    assert [f.name for f in split.test] == [
        "A_10.h5",
        "A_11.h5",
        "B_0.h5",
        "B_1.h5",
        "B_2.h5",
        "B_3.h5",
    ]


def test_dates_are_one_series_in_time_not_cases():
    dates = [Path(f"raw/{year}-{month:02}-01.h5") for year in (2015, 2016) for month in range(1, 7)]
    assert {case_of(f) for f in dates} == {"date"}
    split = split_files(dates[::-1], ratios=(0.6, 0.2, 0.2), gap=1)
    assert (split.train, split.val, split.test) == (dates[:6], dates[7:9], dates[10:])
    assert [case_of(Path(n)) for n in ("L91_2015-01-31.h5", "R2K1_0001.h5", "20150131.h5")] == [
        "L91",
        "R2K1",
        "date",
    ]
    times = [Path(f"2015-01-0{day}T{day}200.nc") for day in range(1, 8)]
    assert {case_of(f) for f in times} == {"date"}
    assert len(split_files(times, ratios=(0.6, 0.2, 0.2), gap=1).test) == 1


def test_whole_cases():
    files = [Path(f"{case}_{i}.h5") for case in "ABC" for i in range(3)]
    split = split_files(files, strategy="case", ratios=(1 / 3, 1 / 3, 1 / 3))
    assert [{case_of(f) for f in s} for s in (split.train, split.val, split.test)] == [
        {"A"},
        {"B"},
        {"C"},
    ]


def test_explicit_table_wins_over_the_strategy_but_not_over_all_test(tmp_path):
    table = tmp_path / "splits.yaml"
    table.write_text("train: ['A_?.h5']\nval: [A_10.h5]\ntest: [A_11.h5]\n")
    split = split_files(RUN, table=table)
    assert (len(split.train), split.val, split.test) == (10, [RUN[10]], [RUN[11]])
    everything = split_files(RUN, table=table, strategy="all-test")
    assert everything == Split(test=RUN)


def test_the_table_of_other_names_is_read_too_and_the_own_one_wins(tmp_path):
    assert find_table(tmp_path) is None
    other = tmp_path / "filenames-split.yaml"
    other.write_text("train: [A_0.h5]\nvalidation: [A_1.h5]\ntest: [A_2.h5]\n")
    assert find_table(tmp_path) == other
    split = split_files(RUN, table=other)
    assert (split.train, split.val, split.test) == (RUN[:1], RUN[1:2], RUN[2:3])
    own = tmp_path / "splits.yaml"
    own.write_text("train: [A_5.h5]\n")
    assert find_table(tmp_path) == own


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: [A_99.h5]", "train: no raw file is named 'A_99.h5'"),
        ("train: [A_1.h5]\ntest: [A_1.h5]", "A_1.h5 stands in both train and test"),
        ("val: [A_1.h5]\nvalid: [A_2.h5]", r"found \['val', 'valid'\]"),
        ("training: [A_1.h5]", r"expected the keys train, val, test, found \['training'\]"),
    ],
)
def test_errors_of_an_explicit_table_name_the_file(tmp_path, text, message):
    table = tmp_path / "splits.yaml"
    table.write_text(text)
    with pytest.raises(ValueError, match=message):
        explicit(RUN, table)


def test_ratios_must_sum_to_one_within_rounding():
    assert by_time(cases(RUN), (0.7, 0.2, 0.1), gap=0).test
    with pytest.raises(ValueError, match="sum 1.1"):
        by_time(cases(RUN), (0.7, 0.2, 0.2), gap=0)
    with pytest.raises(ValueError, match="non-negative"):
        by_time(cases(RUN), (1.2, -0.2, 0.0), gap=0)
    with pytest.raises(ValueError, match="sum to 1"):
        by_time(cases(RUN), (0.7, 0.2, 0.1 + 2e-6), gap=0)


def test_an_empty_set_and_an_unknown_case_are_errors():
    split = by_time(cases(RUN[:2]), (0.5, 0.25, 0.25), gap=1)
    with pytest.raises(ValueError, match="the val set is empty .*wherever"):
        split.require("val", "wherever")
    with pytest.raises(ValueError, match=r"\['C'\] are not among the cases found: \['A'\]"):
        split_files(RUN, test_cases=["C"])


@given(
    sizes=st.lists(st.integers(1, 50), min_size=20, max_size=60),
    ratios=st.sampled_from([(0.7, 0.15, 0.15), (0.8, 0.2, 0.0), (1 / 3, 1 / 3, 1 / 3)]),
    seed=st.integers(0, 5),
)
def test_whole_groups_come_near_the_ratios(sizes, ratios, seed):
    groups = dict(enumerate(sizes))
    sets = by_group(groups, ratios, seed)
    assert sets.keys() == groups.keys()
    for name, ratio in zip(("train", "val", "test"), ratios, strict=True):
        samples = sum(size for group, size in groups.items() if sets[group] == name)
        assert abs(samples - ratio * sum(sizes)) <= max(sizes)
        assert (samples > 0) == (ratio > 0)
    assert by_group(dict(reversed(groups.items())), ratios, seed) == sets


def test_equal_groups_are_divided_exactly_and_by_the_seed():
    groups = dict.fromkeys(range(20), 11)
    draws = [by_group(groups, (0.7, 0.2, 0.1), seed) for seed in (0, 1)]
    for sets in draws:
        assert [list(sets.values()).count(name) for name in ("train", "val", "test")] == [14, 4, 2]
    assert draws[0] != draws[1]
    with pytest.raises(ValueError, match="sum to 1"):
        by_group(groups, (0.7, 0.2, 0.2))


@given(st.lists(st.booleans(), max_size=20))
def test_runs_are_what_was_chosen(chosen):
    found = runs(np.array(chosen, dtype=bool))
    assert [i for a, b in found for i in range(a, b)] == [i for i, c in enumerate(chosen) if c]
    assert all(a < b for a, b in found) and all(
        b < c for (_, b), (c, _) in zip(found, found[1:], strict=False)
    )


def test_the_files_of_an_instant_stay_together_and_the_gap_counts_instants():
    files = [
        Path(f"202001{day:02}_{hour:02}00_{patch:02}.nc")
        for day in range(1, 6)
        for hour in (0, 12)
        for patch in range(6)
    ]
    split = split_files(files[::-1], ratios=(0.5, 0.25, 0.25), gap=1)
    instants = [{file.name[:13] for file in s} for s in (split.train, split.val, split.test)]
    assert [len(found) for found in instants] == [4, 2, 2]
    assert [len(s) for s in (split.train, split.val, split.test)] == [24, 12, 12]
    assert {file.name[:13] for file in split.unused} == {"20200103_0000", "20200104_1200"}
    assert set(split.unused.values()) == {"in the gap between two sets"}
    assert split.train == files[:24] and split.test == files[-12:]


def test_hours_are_instants_of_one_case():
    files = [Path(f"rad_201501{d:02d}_{h:02d}.nc") for d in range(1, 6) for h in range(0, 24, 3)]
    split = split_files(files)
    assert split.remarks == () and len(split.unused) == 2
    assert (split.train, split.val, split.test) == (files[:26], files[27:33], files[34:])


def test_cases_that_are_too_short_are_named_with_their_sizes():
    files = [*RUN, Path("raw/B_1.h5"), Path("raw/B_2.h5")]
    split = split_files(files, ratios=(0.6, 0.2, 0.2))
    assert split.remarks == (
        "too few instants (3 blocks and 2 gaps of 1 need 5) in 1 of 2 cases: "
        "'B' with 2, none in train or val or test",
    )
    assert split.unused[files[-1]] == "case 'B' has 2 instants; 3 blocks and 2 gaps of 1 need 5"
    lonely = [Path(f"raw/x{i}y.h5") for i in range(20)]
    with pytest.raises(
        ValueError,
        match="0 train, 0 val, 0 test files of 20; too few instants .* in 20 of 20 "
        "cases: 'x0y' with 1, none in train or val or test; .* and 15 more",
    ):
        split_files(lonely).require("train", "here")
    with pytest.raises(ValueError, match="1 test files of 12; there is 1 case: A"):
        replace(split_files(RUN, strategy="case"), test=RUN[:1]).require("val", "here")


def test_files_that_a_table_does_not_list_are_named(tmp_path):
    table = tmp_path / "splits.yaml"
    table.write_text("train: ['A_?.h5']\ntest: [A_11.h5]\n")
    split = explicit(RUN, table)
    assert split.unused == {RUN[10]: "not listed in splits.yaml"}
    assert split.remarks == (f"{table} lists no set for 1 file: A_10.h5",)


def test_common_times_of_sets_are_found_with_their_files():
    hours = np.datetime64("2006-03-10") + np.arange(12) * np.timedelta64(1, "h")
    first, second = Path("run1_his.nc"), Path("run2_his.nc")
    times = {"train": {first: hours[:8]}, "val": {}, "test": {second: hours[6:]}}
    (found,) = overlaps(times, lambda _: "")
    assert found == (
        "train and test have 2 times in common; the first is 2006-03-10T06:00:00, "
        "in run1_his.nc (train) and run2_his.nc (test)"
    )
    assert overlaps(times, str) == []
    assert overlaps({"train": {first: hours[:6]}, "test": {second: hours[6:]}}, lambda _: "") == []
