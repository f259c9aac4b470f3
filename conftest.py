"""What all tests share."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from ai4sim.tests.bench import Bench


LONGEST = (
    "test_export_compiled",
    "test_programs",
    "test_contract",
    "test_cli",
    "test_reference",
    "test_notebooks",
    "test_models",
)
"""The files that take longest."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that all workers end at about the same time."""
    items.sort(key=lambda item: item.path.stem not in LONGEST)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Run on one thread: tests run side by side, and more threads change the last bit of a sum."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def records_of_lightning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let caplog see the records of Lightning, which keeps them if imported before pytest logs."""
    monkeypatch.setattr(logging.getLogger("lightning.pytorch"), "propagate", True)


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Make a folder with the data of the test module's TINY."""
    return Bench.make(request.module.TINY, tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def trained(bench: Bench) -> Path:
    """Train once; return the experiment."""
    return bench.run("fit")
