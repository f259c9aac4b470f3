"""A function is a command: options from its signature, texts from its docstring."""

import datetime
import logging
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from ai4sim.command import refuse_options, run

CALLS: list[tuple[object, ...]] = []


def forecast(
    data_path: Path,
    *,
    source: Literal["demo", "archive"] = "demo",
    dates: tuple[datetime.date, ...] | None = None,
    shape: tuple[int, int] = (3, 4),
    step: float | None = None,
    seed: int = 0,
    quick: bool = False,
) -> None:
    """Forecast the weather, as :func:`forecast` does.

    Without ``--step`` it is exact to 100 %.

    Parameters
    ----------
    data_path : path
        The folder of ``raw/``.
    source : str
        The origin of the data.
    dates : tuple of date, optional
        The dates, by default all.
    shape : (int, int)
        The number of rows and columns.
    step : float, optional
        The time step, to 1 % [s].
    seed : int
        The seed.
    quick : bool
        Whether to be quick.

    Examples
    --------
    python -m forecast --data-path data
        forecast all dates
    """
    if source == "demo":
        refuse_options(source, "archive", quick=quick)
    if step == 0:
        raise ZeroDivisionError("--step: expected more than 0")
    logging.getLogger(__name__).info("%d dates", len(dates or ()))
    CALLS.append((data_path, source, dates, shape, step, seed, quick))


def test_options_have_the_types_and_defaults_of_the_signature(caplog):
    with caplog.at_level(logging.INFO):
        run(forecast, ["--data-path", "data"])
        words = "--data-path=x --dates 2015-01-01 2016-02-03 --dates 2017-03-04 --shape 5 6"
        run(forecast, [*words.split(), *"--step 2 --seed 7 --source archive --quick".split()])
    dates = tuple(map(datetime.date.fromisoformat, ("2015-01-01", "2016-02-03", "2017-03-04")))
    assert CALLS[-2:] == [
        (Path("data"), "demo", None, (3, 4), None, 0, False),
        (Path("x"), "archive", dates, (5, 6), 2.0, 7, True),
    ]
    assert caplog.messages == ["0 dates", "3 dates"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "the following arguments are required: --data-path"),
        (
            "--data-path x --source sea",
            "--source: invalid choice: 'sea' (choose from 'demo', 'archi",
        ),
        ("--data-path x --dates 2015", "--dates: expected YYYY-MM-DD, found '2015'"),
        ("--data-path x --shape 5", "--shape: expected 2 arguments"),
        ("--data-path x --step long", "--step: invalid float value: 'long'"),
        ("--data-path x --see 1", "unrecognized arguments: --see 1"),
    ],
)
def test_a_wrong_option_is_one_line(capsys, words, message):
    with pytest.raises(SystemExit) as caught:
        run(forecast, words.split())
    said = capsys.readouterr().err
    assert caught.value.code == 2 and said.startswith("error: ") and said.count("\n") == 1
    assert message in said and said.endswith("forecast --help\n".replace("forecast", __name__))


def test_an_error_of_the_function_is_one_line():
    with pytest.raises(SystemExit, match="^error: --step: expected more than 0$"):
        run(forecast, ["--data-path", "x", "--step", "0"])
    with pytest.raises(
        SystemExit, match="^error: --quick belongs to --source archive, not to demo$"
    ):
        run(forecast, ["--data-path", "x", "--quick"])


def test_the_help_has_types_defaults_texts_and_examples(capsys):
    with pytest.raises(SystemExit):
        run(forecast, ["--help"])
    said = capsys.readouterr().out
    assert f"usage: python -m {__name__} --data-path ... [options]" in said
    assert (
        "Forecast the weather, as forecast does.\n\nWithout --step it is exact to 100 %.\n" in said
    )
    for option in (
        "--data-path PATH      The folder of raw/.\n",
        "--source {demo,archive}\n",
        "   The origin of the data. (default: demo)\n",
        "--dates YYYY-MM-DD [YYYY-MM-DD ...]\n                        The dates, by default all.\n",
        "--shape INT INT       The number of rows and columns. (default: 3 4)\n",
        "--step FLOAT          The time step, to 1 % [s].\n",
        "--seed INT            The seed. (default: 0)\n",
        "--quick               Whether to be quick.\n",
    ):
        assert option in said
    assert said.endswith("python -m forecast --data-path data\n      forecast all dates\n")


def test_a_module_that_runs_is_known_by_its_own_name(tmp_path):
    (tmp_path / "spoken.py").write_text(
        "from ai4sim.command import run\n"
        "def main(text: str) -> None:\n"
        '    """Speak.\n\n    Parameters\n    ----------\n    text : str\n        The text."""\n'
        "    raise ValueError(f'{main.__module__}: {text}')\n"
        "if __name__ == '__main__':\n    run(main)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "spoken", "--text", "ahoy"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (1, "error: spoken: ahoy\n")


def collect(*, names: tuple[str, ...] = ("first", "second")) -> None:
    """Collect names.

    Parameters
    ----------
    names : tuple of str
        The names.
    """
    CALLS.append(names)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], ("first", "second")),
        (["--names", "third"], ("third",)),
        (["--names", "third", "--names", "fourth", "fifth"], ("third", "fourth", "fifth")),
    ],
)
def test_given_values_replace_those_of_the_function(given, expected):
    run(collect, given)
    assert CALLS[-1] == expected
