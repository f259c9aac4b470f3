"""How the figures of a flame look: one colour and one name per model in all of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ai4sim.evaluation.figures import OKABE_ITO
from combustion import baselines as closures
from combustion.evaluation import MODEL, FlameEvaluation

LABELS = {
    "target": "DNS",
    "unet": "U-Net",
    "constant": "Training mean",
    "gradient": r"Gradient, $\Xi=1$",
    "gradient_fitted_xi": r"Gradient, fitted $\Xi$",
    "boger": "Boger et al. 1998",
    "boger_fitted": "Boger, fitted",
    "charlette": "Charlette et al. 2002",
    "fureby": "Fureby 2005",
}
# One per model in every figure.
COLOURS = {
    "target": OKABE_ITO["black"],
    MODEL: OKABE_ITO["vermilion"],
    "unet": "#7F3C8D",
    "constant": OKABE_ITO["grey"],
    "gradient": OKABE_ITO["orange"],
    "gradient_fitted_xi": "#B8A100",
    "boger": OKABE_ITO["sky_blue"],
    "boger_fitted": OKABE_ITO["blue"],
    "charlette": OKABE_ITO["purple"],
    "fureby": OKABE_ITO["green"],
}
OTHER_COLOURS = ("#8C510A", "#80BA5A", "#4B4B8F", "#E73F74")
DASHES = {"boger_fitted": "--", "gradient": ":", "charlette": "-."}


def rivals(evaluation: FlameEvaluation) -> list[str]:
    """Other trained models that every snapshot was given to: what is no closure."""
    return [name for name in evaluation.names() if name not in (MODEL, *closures.NAMES)]


def best(evaluation: FlameEvaluation, count: int) -> list[str]:
    """Closures of the largest R2, best first; one of each family (boger, boger_fitted: one)."""
    known = evaluation.metrics()["baselines"]
    offered = [name for name in known if name in closures.NAMES]
    ranked = sorted(offered, key=lambda n: np.nan_to_num(known[n]["r2"], nan=-np.inf))
    families = {name.split("_")[0]: name for name in ranked}  # the last, and best, stays
    return [name for name in reversed(ranked) if name in families.values()][:count]


def label(evaluation: FlameEvaluation, name: str) -> str:
    """Name of a model for the reader."""
    return evaluation.label if name == MODEL else LABELS.get(name, name.replace("_", " "))


def colour(evaluation: FlameEvaluation, name: str) -> str:
    """Colour of a model, the same in all figures."""
    if name in COLOURS:
        return COLOURS[name]
    others = [other for other in rivals(evaluation) if other not in COLOURS]
    return OTHER_COLOURS[others.index(name) % len(OTHER_COLOURS)]


def line(evaluation: FlameEvaluation, name: str) -> dict[str, Any]:
    """Look of a model's line, dashed for a closure; that of the DNS is wide, to be seen below."""
    dashes = DASHES.get(name, "--") if name in closures.NAMES else "-"
    return {
        "color": colour(evaluation, name),
        "linestyle": dashes,
        "linewidth": 3.0 if name == "target" else 1.5,
        "alpha": 0.55 if name == "target" else 1.0,
        "label": label(evaluation, name),
    }
