"""What all tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from ai4sim.tests.bench import Bench


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep on one worker the tests of a file, and of the contract those of one use case.

    They share what their fixtures have made and trained.
    """
    for item in items:
        group = item.nodeid.partition("::")[0]
        if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            group += f" {item.callspec.params.get('bench', '')}"
        item.add_marker(pytest.mark.xdist_group(group.rstrip()))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Run on one thread: tests run side by side, and more threads change the last bit of a sum."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Make a folder with the data of the test module's TINY."""
    return Bench.make(request.module.TINY, tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def trained(bench: Bench) -> Path:
    """Train once; return the experiment."""
    return bench.run("fit")
