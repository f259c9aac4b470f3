"""Rows: each once per epoch, in an order of the seed's, from disk as from memory."""

import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4sim.data import rows as module
from ai4sim.data.rows import OrderedRows, ShuffledRows, read_ahead
from ai4sim.data.tables import GatheredRows, RowArray, Table

SIZES = (700, 2500, 1)
TOTAL = sum(SIZES)
SMALL = {"memory_limit": 16 * TOTAL - 1, "pool_rows": 512}
"""On disk, in pools of 512 rows."""


@pytest.fixture(scope="session")
def tables(tmp_path_factory):
    """Three tables whose rows are numbered through: inputs n, -n and targets 2 n."""
    folder = tmp_path_factory.mktemp("rows")
    first, made = 0, []
    for i, size in enumerate(SIZES):
        n = np.arange(first, first + size, dtype=np.float32)
        arrays = {"inputs": np.stack([n, -n], axis=1), "targets": 2 * n[:, None]}
        if i == 0:
            arrays["latitude"] = n / 100
        for name, values in arrays.items():
            np.save(folder / f"{i}_{name}.npy", values)
        stored = {
            name: RowArray.of(np.load(folder / f"{i}_{name}.npy", mmap_mode="c")) for name in arrays
        }
        made.append(Table(folder / f"{i}.h5", stored, [(0, size)]))
        first += size
    return made


@pytest.fixture
def short_blocks(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ROWS", 64)


def numbers(batches):
    """The numbers of the rows in the order served."""
    return torch.cat([batch["inputs"][:, 0] for batch in batches]).int().tolist()


@pytest.mark.parametrize("where", [{}, SMALL])
def test_each_row_once_per_epoch_with_its_own_target(tables, short_blocks, where):
    loader = ShuffledRows(tables, 100, **where)
    batches = list(loader)
    assert len(batches) == len(loader) == 33
    assert sorted(numbers(batches)) == list(range(TOTAL))
    assert {len(batch["inputs"]) for batch in batches[:-1]} == {100}
    assert not any(batch["repeated"] for batch in batches)
    for batch in batches:
        n = batch["inputs"][:, 0]
        torch.testing.assert_close(batch["targets"], 2 * n[:, None])
        known = n < SIZES[0]
        torch.testing.assert_close(batch["latitude"][known], n[known] / 100)
        assert batch["latitude"][~known].isnan().all()


@pytest.mark.parametrize("where", [{}, SMALL])
def test_the_order_follows_seed_and_epoch(tables, short_blocks, where):
    loader = ShuffledRows(tables, 100, seed=3, **where)
    first = numbers(loader)
    assert numbers(loader) == first
    loader.sampler.set_epoch(1)
    second = numbers(loader)
    assert second != first and sorted(second) == sorted(first)
    again = ShuffledRows(tables, 100, seed=3, **where)
    again.set_epoch(1)
    assert numbers(again) == second
    assert numbers(ShuffledRows(tables, 100, seed=4, **where)) != first


@pytest.mark.parametrize("where", [{}, SMALL])
def test_an_epoch_is_gone_on_with(tables, short_blocks, where):
    for rank in range(2):
        loader = ShuffledRows(tables, 100, seed=1, rank=rank, world_size=2, **where)
        loader.set_epoch(3)
        whole = [numbers([batch]) for batch in loader]
        for done in (1, 5, 10, 16):
            loader.begin = lambda done=done: done
            assert [numbers([batch]) for batch in loader] == whole[done:]


def test_pools_mix_rows_of_many_blocks_and_files(tables, short_blocks):
    batches = list(ShuffledRows(tables, 128, **SMALL))
    # A pool has 6 to 8 blocks of 64 rows, and each batch has rows of all of them.
    runs = [(batch["inputs"][:, 0].int() // 64).unique() for batch in batches[:-1]]
    assert min(map(len, runs)) >= 6
    of_first_file = [(run < SIZES[0] // 64).any() for run in runs]
    assert np.mean(of_first_file) > 0.7


@pytest.mark.parametrize("where", [{}, SMALL])
@settings(max_examples=25, deadline=None)
@given(size=st.integers(20, 900), world_size=st.integers(1, 5))
def test_processes_share_the_rows_in_equal_steps(tables, where, size, world_size):
    ranks = [
        list(ShuffledRows(tables, size, rank=rank, world_size=world_size, **where))
        for rank in range(world_size)
    ]
    assert len({len(batches) for batches in ranks}) == 1
    assert all(0 < len(b["inputs"]) <= size for batches in ranks for b in batches)
    assert sorted(n for batches in ranks for n in numbers(batches)) == list(range(TOTAL))


def test_a_share_that_is_a_row_short_still_fills_all_steps(tables):
    # 5 rows, 2 processes, batches of 2: shares of 2 and 3 rows in 2 steps
    few = [Table(tables[0].path, tables[0].arrays, [(0, 5)])]
    sizes = [
        [len(b["inputs"]) for b in ShuffledRows(few, 2, rank=rank, world_size=2)]
        for rank in range(2)
    ]
    assert sizes == [[1, 1], [2, 1]]


def test_memory_stays_within_the_limit(tables, monkeypatch):
    limit = 1000 * 4 * 4  # bytes of 1000 rows
    read, most, lock = ShuffledRows.read, [0], threading.Lock()

    def counting(self, pieces):
        rows = read(self, pieces)
        with lock:
            most[0] = max(most[0], sum(v.nbytes for v in rows.values()))
        return rows

    monkeypatch.setattr(ShuffledRows, "read", counting)
    loader = ShuffledRows(tables, 100, memory_limit=limit, pool_rows=10**6)
    assert not loader.in_memory
    assert sorted(numbers(loader)) == list(range(TOTAL))
    assert most[0] <= limit / 2
    assert ShuffledRows(tables, 100, memory_limit=TOTAL * 16).in_memory


@pytest.mark.parametrize("whole_files", [False, True])
@settings(max_examples=25, deadline=None)
@given(size=st.integers(50, 3000), world_size=st.integers(1, 5))
def test_evaluation_is_in_order_and_says_where_rows_are_from(tables, whole_files, size, world_size):
    ranks = [
        list(OrderedRows(tables, size, whole_files=whole_files, rank=rank, world_size=world_size))
        for rank in range(world_size)
    ]
    assert len({len(batches) for batches in ranks}) == 1
    counted = [(r, b) for r, batches in enumerate(ranks) for b in batches if not b["repeated"]]
    assert sorted(numbers(b for _, b in counted)) == list(range(TOTAL))
    first = dict(zip([str(t.path) for t in tables], np.cumsum((0, *SIZES)), strict=False))
    owners = {}
    for rank, batch in counted:
        start, stop = batch["rows"]
        offset = first[batch["file"]]
        assert numbers([batch]) == list(range(offset + start, offset + stop))
        owners.setdefault(batch["file"], set()).add(rank)
    if whole_files:
        assert all(len(ranks) == 1 for ranks in owners.values())


def test_reading_ahead_keeps_the_order_passes_errors_on_and_can_be_left():
    def items():
        yield from range(3)
        raise ValueError("the disk is gone")

    seen = []
    with pytest.raises(ValueError, match="the disk is gone"):
        seen.extend(read_ahead(items()))
    threads = threading.active_count()
    left = read_ahead(iter(range(1000)))
    assert next(left) == 0
    left.close()
    assert threading.active_count() == threads


def test_rows_that_came_in_parts_are_gathered(tmp_path):
    values = np.arange(20, dtype=np.float32).reshape(10, 2)
    gathered = GatheredRows(tmp_path / "a.h5", (10, 2))
    assert not gathered.add(6, values[6:])
    assert gathered.add(0, values[:6])
    np.testing.assert_array_equal(gathered.open(), values)
    with pytest.raises(ValueError, match="rows 8 to 11"):
        gathered.add(8, np.zeros((3, 2), np.float32))
    gathered.remove()
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_served_is_refused(tables, tmp_path):
    np.save(tmp_path / "wide.npy", np.zeros((3, 5), np.float32))
    wide = RowArray.of(np.load(tmp_path / "wide.npy", mmap_mode="c"))
    with pytest.raises(ValueError, match=r"wide.h5: inputs has rows of \(5,\) values, .*\(2,\)"):
        OrderedRows([*tables, Table(tmp_path / "wide.h5", {"inputs": wide}, [(0, 3)])], 8)
    with pytest.raises(ValueError, match="batch_size must be at least 1, found 0"):
        OrderedRows(tables, 0)
    with pytest.raises(ValueError, match="3201 rows in batches of 1 cannot be shared by 2"):
        ShuffledRows(tables, 1, world_size=2)
    with pytest.raises(ValueError, match="expected a float32 array on disk"):
        RowArray.of(np.zeros(3, np.float32))
    np.save(tmp_path / "wide.npy", np.zeros((1, 5), np.float32))
    with pytest.raises(ValueError, match="ends early; it was replaced"):
        wide.read(0, torch.empty(3, 5))


def test_runs_of_a_table_are_served_as_if_there_was_nothing_else(tables):
    whole = tables[0]
    runs = [(0, 2), (5, 6), (8, whole.rows)]
    chosen = [i for start, stop in runs for i in range(start, stop)]
    part = Table(whole.path, whole.arrays, runs)
    assert part.rows == len(chosen)
    (expected,) = OrderedRows([whole], whole.rows)
    for size in (1, 3, part.rows):
        batches = list(OrderedRows([part], size))
        for name in whole.arrays:
            found = torch.cat([batch[name] for batch in batches])
            np.testing.assert_array_equal(found, expected[name][chosen])
    assert list(part.places(1, 5)) == [(1, 2), (5, 6), (8, 10)]
    batches = list(ShuffledRows([part, tables[1]], 4, memory_limit=1.0))
    assert len(numbers(batches)) == part.rows + tables[1].rows == len(set(numbers(batches)))
