"""The figures of the test set, all those of :mod:`combustion.figures`."""

from __future__ import annotations

from pathlib import Path

from combustion.evaluation import FlameEvaluation


def plot(evaluation: FlameEvaluation, folder: Path) -> list[Path]:
    """Draw cross-sections, joint density, conditional errors, flame surface and scores as PNG.

    Parameters
    ----------
    evaluation : FlameEvaluation
        Of the whole test set.
    folder : Path
        Where the files go.
    """
    from combustion.figures import save_all

    return save_all(evaluation, folder)
