"""The notebooks run from top to bottom, and the network in them is worth its place."""

import re
from pathlib import Path

import nbclient
import nbformat
import pytest

from combustion.unets import config


@pytest.mark.parametrize(
    "notebook", sorted((config.ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.name
)
def test_notebook_runs(notebook: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    content = nbformat.read(notebook, as_version=4)
    nbclient.NotebookClient(
        content, timeout=600, resources={"metadata": {"path": tmp_path}}
    ).execute()
    text = "".join(
        output.text
        for cell in content.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    )
    scores = dict(re.findall(r"^(\w+) +R2 +(-?[\d.]+) +error of", text, flags=re.MULTILINE))
    assert float(scores["model"]) > max(
        float(scores[name]) for name in ("constant", "gradient_fitted_xi")
    )
