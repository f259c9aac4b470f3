"""What every network must beat: the mean, a line, a bulk formula with constants, coarse physics.

Each gives the fluxes at rho points, from where the stress is averaged onto the faces.

``mean``
    Of each flux over the training set.
``ridge``
    Ridge regression of each flux on the inputs of the nearest cell, standardised, and on the speed
    of the relative wind.
``constant_bulk``
    The bulk form with constant transfer coefficients. A constant share of the sun's radiation
    reaches the sea, and the sky radiates a constant share of what a black body of the temperature
    of the air does. The five constants are fitted to the training set.
``coare_nearest``
    The turbulent fluxes of this repository's COARE 3.6, at the nearest cell instead of an
    interpolated one.
``ecmwf``
    Those of the ECMWF's bulk algorithm, interpolated.

The last two take the fitted radiation of ``constant_bulk``, so that the three differ in their
turbulence only. COARE with interpolated states is the truth of the turbulent part of labels that
COARE made, hence no baseline; of labels that the ECMWF's algorithm made, ``ecmwf`` is.

A flux that no row of the training set knows is left out, and so is a net heat that needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from ai4sim.evaluation.baselines import FittedBaselines
from ai4sim.evaluation.moments import CrossMoments
from ai4sim.evaluation.reservoir import thinning
from ai4sim.evaluation.ridge import inverse_std, ridge_weights
from ai4sim.physics.constants import AEROBULK_STEFAN_BOLTZMANN
from ai4sim.variables import split_channels
from wmed.io.layout import FLUXES, HEAT_PARTS, RhoLayout
from wmed.nets.inputs import bulk_state, relative_wind
from wmed.physics.bulk import BulkFluxes, coare36, constant_bulk, ecmwf
from wmed.physics.constants import EMISSIVITY
from wmed.physics.heat import net_shortwave

if TYPE_CHECKING:
    from wmed.io.graph import CouplingGraph

NAMES = ("mean", "ridge", "constant_bulk", "coare_nearest", "ecmwf")
TURBULENCE = ("constant_bulk", "coare_nearest", "ecmwf")
"""The baselines that are bulk formulae."""
HEIGHT = 10.0
"""Height of the lowest level [m]."""
FIT_ROWS = 100_000
"""Rows that are fitted to, at most, evenly spread over those given."""
PENALTY = 1e-3
"""Of the ridge regression, relative to the variance of one standardised input."""
OUTPUTS = (*FLUXES, "heat")
"""What is fitted: the heat of its own where some part of it is not known."""


@dataclass(frozen=True)
class Baselines(FittedBaselines):
    """Mean, ridge regression and constants of a training set, float64; NaN what is not known.

    Attributes
    ----------
    mean : (output,)
        Of the :data:`OUTPUTS`, as are all that have one value per output.
    drag : ()
        Drag coefficient of ``constant_bulk``.
    constants : (4,)
        Share of the sun's radiation, share of the sky's, transfer coefficients of moisture and of
        heat: in the order of :data:`.layout.HEAT_PARTS`.
    intercept : (output,)
    weights : (input_channels + 1, output)
        Of the inputs and of the wind speed, in their units.
    height : ()
        Of the lowest level [m].
    """

    mean: Tensor
    drag: Tensor
    constants: Tensor
    intercept: Tensor
    weights: Tensor
    height: Tensor

    @classmethod
    def fit(
        cls,
        samples: Iterable[tuple[Tensor, Tensor, Tensor]],
        layout: RhoLayout,
        *,
        height: float = HEIGHT,
        penalty: float = PENALTY,
    ) -> Self:
        """Fit to rows of a training set.

        The stress of a row is that of :func:`rho_fluxes`, the mean of the faces around: a little
        smoother than what a bulk formula means at the point itself.

        Parameters
        ----------
        samples : iterable of (bilinear, nearest, fluxes)
            Inputs from interpolated and from nearest columns, both (row, input_channels), and
            fluxes (row, 6) as in :data:`~wmed.io.layout.FLUXES`, NaN where not known. A seventh
            column, if there is one, is the net heat, for where its parts are not known.
        layout : RhoLayout
            What the channels are.
        height : float
            Of the lowest level [m].
        penalty : float
            See :data:`PENALTY`.

        Raises
        ------
        ValueError
            No rows, shapes that do not fit, or not one row with a stress.
        """
        bilinear, nearest, fluxes = _rows(samples, layout)
        bulk = bulk_state(bilinear, layout, height)
        drag = _fit_drag(bulk, fluxes)
        if not drag.isfinite():
            raise ValueError("baselines: no row of the training set has a stress of some wind")
        known = ~fluxes.isnan()
        mean = torch.where(known, fluxes, 0.0).sum(0) / known.sum(0)
        weights, intercept = _ridge(_features(nearest, layout), fluxes, penalty)
        return cls(
            mean=mean,
            drag=drag,
            constants=_fit_heat(bulk, bilinear, fluxes, layout),
            intercept=intercept,
            weights=weights,
            height=torch.tensor(height, dtype=torch.float64),
        )

    def predict(
        self, bilinear: Tensor, nearest: Tensor, graph: CouplingGraph, layout: RhoLayout
    ) -> dict[str, dict[str, Tensor]]:
        """Predict with each baseline.

        Parameters
        ----------
        bilinear, nearest : (time, rho, input_channels)
            Inputs from interpolated and from nearest columns.
        graph : CouplingGraph
        layout : RhoLayout

        Returns
        -------
        name -> flux -> (time, point)
            On the points of the ocean, in the precision of the inputs.

        Raises
        ------
        ValueError
            Inputs of another layout than that of the training set.
        """
        channels = layout.input_channels
        if len(self.weights) != channels + 1:
            raise ValueError(
                f"baselines: fitted to {len(self.weights) - 1} inputs, found {channels}, those of "
                f"{layout}"
            )
        for name, values in (("bilinear", bilinear), ("nearest", nearest)):
            if values.ndim != 3 or values.shape[-1] != channels:
                raise ValueError(
                    f"baselines: {name} inputs of shape {tuple(values.shape)}, expected "
                    f"(time, rho, {channels})"
                )
        found = {"mean": _named(self.mean.to(bilinear).expand(*bilinear.shape[:2], -1))}
        x = _features(nearest, layout)
        line = x @ self.weights.to(x) + self.intercept.to(x)
        found["ridge"] = _named(line.to(nearest))
        # One radiation for all three; of the interpolated state, as it is no matter of the cell.
        at, at_nearest = (bulk_state(x, layout, float(self.height)) for x in (bilinear, nearest))
        sun, sky, sea = _radiation_terms(bilinear, at, layout)
        shares = self.constants.to(bilinear)
        radiation = {"shortwave": shares[0] * sun, "longwave": shares[1] * sky - sea}
        for name in TURBULENCE:
            fluxes = self.turbulence(name, at_nearest if name == "coare_nearest" else at)
            turbulent = ("tau_x", "tau_y", "latent", "sensible")
            every = radiation | {flux: getattr(fluxes, flux) for flux in turbulent}
            heat = torch.stack([every[part] for part in HEAT_PARTS]).sum(0)
            found[name] = {**every, "heat": heat}
        return {name: _on_faces(fluxes, graph) for name, fluxes in found.items()}

    def turbulence(self, name: str, state: Mapping[str, Any]) -> BulkFluxes:
        """Return the turbulent fluxes of a bulk formula.

        Parameters
        ----------
        name : str
            One of :data:`TURBULENCE`, or ``coare36``.
        state : mapping of str to Tensor
            See :func:`~wmed.physics.bulk.bulk_inputs`.
        """
        height = float(self.height)
        if name == "constant_bulk":
            ch, ce = (float(self.constants[i]) for i in (3, 2))
            return constant_bulk(**state, cd=float(self.drag), ch=ch, ce=ce)
        formula = ecmwf if name == "ecmwf" else coare36
        return formula(**state, z_wind=height, z_air=height)


def rho_fluxes(targets: Mapping[str, Tensor], graph: CouplingGraph) -> Tensor:
    """Return what :meth:`Baselines.fit` takes, at rho points.

    Parameters
    ----------
    targets : name -> (time, point)
        ``tau_x`` (time, u), ``tau_y`` (time, v), ``heat`` and its parts (time, rho), as far as they
        are known.
    graph : CouplingGraph

    Returns
    -------
    (time, rho, 7)
        The fluxes and the net heat. The stress is the mean of the two faces beside along each axis;
        NaN where one of the four is missing, on the coast and on the edge of the domain.
    """
    inner = (graph.rho_faces >= 0).all(dim=-1)
    stress = graph.to_rho(targets["tau_x"], targets["tau_y"])
    at_rho = {**targets, "tau_x": stress[0].where(inner, torch.nan)}
    at_rho["tau_y"] = stress[1].where(inner, torch.nan)
    unknown = torch.full_like(stress[0], torch.nan)
    return torch.stack([at_rho.get(name, unknown) for name in OUTPUTS], dim=-1)


# ---- fits ----------------------------------------------------------------------------------------


def _rows(
    samples: Iterable[tuple[Tensor, Tensor, Tensor]], layout: RhoLayout
) -> tuple[Tensor, Tensor, Tensor]:
    """Join rows, thin them evenly, and give each its net heat; all float64."""
    every = [tuple(torch.as_tensor(part) for part in sample) for sample in samples]
    for inputs, nearest, fluxes in every:
        shape = (len(inputs), layout.input_channels)
        if inputs.shape != shape or nearest.shape != shape:
            raise ValueError(
                f"baselines: inputs of shapes {tuple(inputs.shape)} and {tuple(nearest.shape)}, "
                f"expected (row, {layout.input_channels}) for {layout}"
            )
        if fluxes.shape not in {(len(inputs), len(FLUXES)), (len(inputs), len(OUTPUTS))}:
            raise ValueError(
                f"baselines: fluxes of shape {tuple(fluxes.shape)}, expected ({len(inputs)}, "
                f"{len(FLUXES)}), or with the net heat ({len(inputs)}, {len(OUTPUTS)})"
            )
    rows = sum(len(sample[0]) for sample in every)
    if rows < 2:
        raise ValueError(f"baselines: fitted to {rows} rows, expected two or more")
    step = thinning(rows, FIT_ROWS)
    bilinear, nearest = (torch.cat([s[i] for s in every])[::step].double() for i in (0, 1))
    with_heat = [
        f if f.shape[1] == len(OUTPUTS) else torch.cat([f, f[:, 2:].sum(1, keepdim=True)], 1)
        for _, _, f in every
    ]
    return bilinear, nearest, torch.cat(with_heat)[::step].double()


def _fit_drag(bulk: Mapping[str, Any], fluxes: Tensor) -> Tensor:
    """Return the drag coefficient of least squares over both components of the stress."""
    unit = constant_bulk(**bulk, cd=1.0, ch=1.0, ce=1.0)
    form, stress = torch.stack([unit.tau_x, unit.tau_y], dim=-1), fluxes[:, :2]
    form = torch.where(stress.isnan(), 0.0, form)
    return (form * stress.nan_to_num()).sum() / form.square().sum()


def _fit_heat(bulk: Mapping[str, Any], inputs: Tensor, fluxes: Tensor, layout: RhoLayout) -> Tensor:
    """Return the constants of the parts of the heat by least squares, (4,).

    A row gives one equation for each part that it knows. Those that it does not know share one:
    their sum is the net heat minus the others.
    """
    unit = constant_bulk(**bulk, cd=1.0, ch=1.0, ce=1.0)
    sun, sky, sea = _radiation_terms(inputs, bulk, layout)
    form = torch.stack([sun, sky, unit.latent, unit.sensible], dim=-1)
    fixed = torch.zeros_like(form)  # what of each part needs no constant
    fixed[:, 1] = -sea
    parts, heat = fluxes[:, 2:6], fluxes[:, 6]
    known = ~parts.isnan()
    alone = torch.where(known, form, 0.0)
    wanted = torch.where(known, parts - fixed, 0.0)
    shared = torch.where(known | heat.isnan()[:, None], 0.0, form)
    rest = (heat - torch.where(known, parts, fixed).sum(1)).nan_to_num()
    system = shared.T @ shared + alone.square().sum(0).diag()
    right = shared.T @ rest + (alone * wanted).sum(0)
    size = system.diagonal().sqrt()
    told = size > 0
    constants = torch.full_like(size, torch.nan)
    scaled = system[told][:, told] / (size[told, None] * size[told])
    # The pseudo-inverse, since heat alone may not tell two parts apart.
    solved = torch.linalg.pinv(scaled, hermitian=True, rtol=1e-10) @ (right[told] / size[told])
    constants[told] = solved / size[told]
    return constants


def _ridge(x: Tensor, fluxes: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Return weights (feature, output) and intercept (output,) of each output on its known rows."""
    scale = inverse_std(x.mean(0), x.std(0, correction=0))
    weights = x.new_full((x.shape[1], fluxes.shape[1]), torch.nan)
    intercept = x.new_full((fluxes.shape[1],), torch.nan)
    patterns, which = torch.unique(~fluxes.isnan(), dim=1, return_inverse=True)
    for i, known in enumerate(patterns.T):  # outputs that are known on the same rows
        if not known.any():
            continue
        moments = CrossMoments.of(x[known].numpy(), fluxes[known][:, which == i].numpy())
        solved = ridge_weights(moments, penalty * moments.count, scale)
        weights[:, which == i] = solved
        intercept[which == i] = torch.from_numpy(moments.y_mean - moments.x_mean @ solved.numpy())
    return weights, intercept


# ---- states and fluxes ---------------------------------------------------------------------------


def _radiation_terms(
    inputs: Tensor, bulk: Mapping[str, Any], layout: RhoLayout
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what the sea takes up of all sunlight, of a black sky, and what it radiates [W/m2]."""
    sun = net_shortwave(split_channels(inputs, layout.inputs)["toa_shortwave"])
    sky, sea = (
        EMISSIVITY * AEROBULK_STEFAN_BOLTZMANN * bulk[name].pow(4)
        for name in ("air_temperature", "sea_surface_temperature")
    )
    return sun, sky, sea


def _features(inputs: Tensor, layout: RhoLayout) -> Tensor:
    """Return the inputs and the speed of the relative wind, float64."""
    speed = torch.hypot(*relative_wind(inputs.double(), layout))
    return torch.cat([inputs.double(), speed[..., None]], dim=-1)


def _named(outputs: Tensor) -> dict[str, Tensor]:
    """Name the last axis of (time, rho, output)."""
    return dict(zip(OUTPUTS, outputs.unbind(-1), strict=True))


def _on_faces(fluxes: Mapping[str, Tensor], graph: CouplingGraph) -> dict[str, Tensor]:
    """Bring the stress (time, rho) to the faces, and leave out what is not known."""
    tau_x, tau_y = graph.to_faces(fluxes["tau_x"], fluxes["tau_y"])
    every = {**fluxes, "tau_x": tau_x, "tau_y": tau_y}
    return {name: values for name, values in every.items() if not values.isnan().all()}
