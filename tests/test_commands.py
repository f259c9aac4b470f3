"""Every command of the repository describes its options, which have the same names everywhere."""

import importlib
from pathlib import Path

import pytest

from ai4sim.command import run

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in ("ai4sim", "combustion", "weather_forecast", "wmed")
    for path in (ROOT / package).rglob("*.py")
    if path.parent.name != "tests" and path.read_text(encoding="utf-8").endswith("run(main)\n")
)


def test_all_commands_are_found():
    assert len(MODULES) >= 11 and "wmed.online.storm" in MODULES


@pytest.mark.parametrize("name", MODULES)
def test_the_help_describes_every_option(name, capsys):
    with pytest.raises(SystemExit) as caught:
        run(importlib.import_module(name).main, ["--help"])
    said = capsys.readouterr().out
    program = f"python -m {name.removesuffix('.__main__')}"
    assert caught.value.code == 0 and said.startswith(f"usage: {program} --")
    assert f"examples:\n  {program} " in said and "`" not in said
    own = {"qbo": "--experiment", "host": "--column"}
    wanted = [own.get(name.rpartition(".")[2], "--data-path")]
    if name.endswith(("generate", "recombine")):
        wanted += ["--seed", "--workers"]
    assert all(f"\n  {option} " in said for option in wanted)
