"""What the tests of every use case do: run command line and notebooks, read what they leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from ai4sim import export
from ai4sim.cli import main


def environment(root: Path) -> dict[str, str]:
    """Environment of a run whose experiments lie under `root`, its data in ``$TINY_DATA``."""
    return {
        **os.environ,
        "AI4SIM_EXPERIMENTS": str(root / "experiments"),
        "TINY_DATA": str(root / "flames"),
        "OMP_NUM_THREADS": "1",
    }


def _process(trainer: Path, root: Path, arguments: tuple, cwd: Path | None) -> Any:
    return subprocess.run(
        [sys.executable, str(trainer), *map(str, arguments)],
        env=environment(root),
        cwd=cwd or root,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def run(
    trainer: Path, root: Path, *arguments: Any, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a trainer to its end; a failure shows its output."""
    done: subprocess.CompletedProcess[str] = _process(trainer, root, arguments, cwd)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
    return done


def here(
    module: type,
    datamodule: type,
    config: ModuleType,
    plotters: ModuleType,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    *arguments: Any,
) -> Path | None:
    """Run a command with ``tiny.yaml`` of `root` in this process; return the new experiment.

    There are no figures and no exported program, which take long.
    """
    monkeypatch.setenv("AI4SIM_EXPERIMENTS", str(root / "experiments"))
    for name in ("AI4SIM_EXPERIMENT_PATH", "PL_GLOBAL_SEED", "PL_SEED_WORKERS"):
        monkeypatch.setenv(name, "")  # whatever the run sets is undone
        monkeypatch.delenv(name)
    monkeypatch.setattr("sys.argv", ["trainer.py"])
    monkeypatch.setattr(module, "figures", staticmethod(lambda evaluation: ()))
    monkeypatch.setattr(export, "export_program", lambda surrogate, inputs, path: None)
    before = set((root / "experiments").iterdir())
    main(config.USE_CASE, [command, "--config", str(root / "tiny.yaml"), *map(str, arguments)])
    made = set((root / "experiments").iterdir()) - before
    return made.pop() if made else None


def complaint(trainer: Path, root: Path, *arguments: Any) -> str:
    """Run a trainer that must fail; return what it says."""
    done = _process(trainer, root, arguments, None)
    assert done.returncode != 0
    return str(done.stderr)


def only_new(root: Path, before: set[Path]) -> Path:
    """Return the experiment folder that was not there before."""
    (path,) = set((root / "experiments").iterdir()) - before
    return path


def results(experiment: Path) -> dict[str, Any]:
    """Read what a test has found."""
    found: dict[str, Any] = json.loads((experiment / "artifacts" / "results.json").read_text())
    return found


def resolved(
    module: type, datamodule: type, config: ModuleType, path: Path, capsys: pytest.CaptureFixture
) -> dict[str, Any]:
    """Give a configuration of a use case as its command line understands it, all defaults in."""
    with pytest.raises(SystemExit) as ended:
        main(config.USE_CASE, ["fit", "--config", str(path), "--print_config"])
    assert ended.value.code == 0
    found: dict[str, Any] = yaml.safe_load(capsys.readouterr().out)
    # Data lie in the use case, whatever folder the command is run from.
    assert found["data"]["data_path"].startswith(str(config.USE_CASE.root))
    assert sum(found["data"]["ratios"]) == pytest.approx(1)
    # No configuration asks for a device that a machine may not have.
    assert found["trainer"]["accelerator"] == found["trainer"]["devices"] == "auto"
    return found


def execute(notebook: Path, folder: Path) -> str:
    """Run a notebook from top to bottom in a folder; return what it prints."""
    import nbclient
    import nbformat

    content = nbformat.read(notebook, as_version=4)
    nbclient.NotebookClient(
        content, timeout=600, resources={"metadata": {"path": folder}}
    ).execute()
    return "".join(
        output.text
        for cell in content.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    )
