"""A changed event: it must read as the one it was made of, or be refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wmed.tests import written
from wmed.tests.written import Event, Written, air, differences, history, read, save

Change = Callable[[Event], Any]


def same(change: Change, folder: Path, scale: float = 1.0) -> None:
    """Require that a changed event reads as the one it was made of."""
    files = written.event()
    change(files)
    assert differences(read(save(files, folder)), scale) == []


def refused(change: Change, message: str, folder: Path) -> None:
    """Require an error about a changed event."""
    files = written.event()
    change(files)
    with pytest.raises(ValueError, match=message) as error:
        read(save(files, folder))
    assert str(folder) in str(error.value)


def on_history(change: Callable[[Written], Any]) -> Change:
    return lambda files: change(history(files))


def on_air(change: Callable[[Written], Any]) -> Change:
    return lambda files: [change(file) for file in air(files)]


def times(name: str, factor: float, **facts: Any) -> Callable[[Written], None]:
    def change(file: Written) -> None:
        values = (file.content[name].values * factor).astype("f4")
        file.set(name, values=values, **facts)

    return change
