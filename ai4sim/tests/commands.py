"""Commands that the tests run as a user does."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ai4sim.command import run


def complaint(
    main: Callable[..., None],
    folder: Path,
    options: Sequence[str],
    capsys: pytest.CaptureFixture[str],
) -> str:
    """Run a command that must be refused and leave nothing in the folder; return its message."""
    with pytest.raises(SystemExit) as caught:
        run(main, ["--data-path", str(folder), *options])
    assert not list(folder.iterdir())
    return f"{caught.value}{capsys.readouterr().err}"
