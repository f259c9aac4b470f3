"""The metrics that a correction of radiation is judged by, from sums over columns.

Metrics of the model and of each baseline, ``<quantity>_<metric>``. Quantities:

``flux_dn_sw``, ``flux_up_sw``, ``flux_dn_lw``, ``flux_up_lw``  [W/m2]; ``hr_sw``, ``hr_lw`` [K/day]
    On all their levels, of all columns, night included.
``hr_sw_by_mass``, ``hr_lw_by_mass``  [K/day]
    Heating rates weighted by the pressure across a layer. Without the weight the thin layers at
    the top dominate.
``surface_flux_...``, ``toa_flux_up_...``, ``tropopause_flux_...``  [W/m2]
    At the lowest half level, the uppermost, and at the
    :func:`~weather_forecast.bias_correction.physics.diagnostics.tropopause`. ``toa_net`` is
    all radiation downward minus all upward at the top.

Metrics:

``mae``, ``rmse``, ``bias``
    In the units of the quantity.
``r2``
    Of all levels at once, around their one mean.
``relative``
    MAE in % of the MAE without any correction, over the same columns. ``relative_mean`` is the
    mean of the first six.

Then, each as ``..._mean`` and ``..._max`` over columns and levels where one can speak of it, the
residuals of :func:`~weather_forecast.bias_correction.physics.diagnostics.consistency`, of which the
labels' own stand under ``target``; of ``albedo_violation`` and ``negative_lw``, being 0 or 1, only
the ``..._share``. ``columns`` counts those that the metrics stand for: a baseline may leave out
some.

A metric that does not exist, for instance the R2 of a constant target, is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ai4sim.evaluation.scores import (
    MODEL,
    TARGET,
    Sums,
    add,
    error_sums,
    metrics_along,
    metrics_of,
    plain_number,
    pooled,
    predicted_rows,
    require_finite,
    require_model,
    require_shape,
)
from weather_forecast.bias_correction.io.layout import FLUXES, HEATING_RATES, RadiationLayout
from weather_forecast.bias_correction.physics.diagnostics import (
    consistency,
    pressure_thickness,
    tropopause,
)
from weather_forecast.bias_correction.samples import POINT_VALUES, Samples
from weather_forecast.levels import pressure_coordinate

METRICS = ("mae", "rmse", "bias", "r2", "relative")
SHARES = ("albedo_violation", "negative_lw")
"""Residuals that are 0 or 1."""
ZENITH_STEP = 10.0
"""Width [degrees] of the bins of solar zenith angle; the last is night."""
ZENITH_BINS = 10
NEGLIGIBLE = 1e-6
"""Standard deviation of a target [W/m2, K/day] that is nothing but rounding, as there is in
downward corrections at the top."""


class CorrectionEvaluation:
    """Sums of a model and its baselines over a test set.

    Parameters
    ----------
    layout : RadiationLayout
        The layout of the columns.

    Attributes
    ----------
    scores : name -> quantity -> sums
        Of each model and each quantity, over its columns, (level,), see
        :func:`~ai4sim.evaluation.scores.error_sums`.
    zenith : name -> sums
        The same by bin of the solar zenith angle, (bin, value), of each of
        :data:`~weather_forecast.bias_correction.samples.POINT_VALUES`.
    residuals : name -> residual -> (2,)
        Of each model and of the labels, the sum over columns and levels, and the count.
    largest : name -> residual -> ()
        The largest residual.
    samples : Samples
        Columns that the figures show.
    """

    def __init__(self, layout: RadiationLayout) -> None:
        self.layout = layout
        self.columns = 0
        self.scores: dict[str, dict[str, Sums]] = {}
        self.zenith: dict[str, Sums] = {}
        self.residuals: dict[str, Sums] = {}
        self.largest: dict[str, Sums] = {}
        self.samples = Samples(layout)
        self._pressure = torch.zeros(layout.levels + 1, dtype=torch.float64)

    def update(
        self,
        *,
        inputs: Tensor,
        targets: Tensor,
        latitude: Tensor,
        longitude: Tensor,
        predictions: Mapping[str, Tensor],
        tripleclouds: Tensor | None = None,
    ) -> None:
        """Take in a batch of columns.

        Parameters
        ----------
        inputs : (column, input_channels)
            In the units of the layout.
        targets : (column, output_channels)  [W/m2, K/day]
        latitude, longitude : (column,)  [degrees]
            NaN where they are not known.
        predictions : name -> (column, output_channels)  [W/m2, K/day]
            The network is called "model". A baseline may leave out columns: their rows are NaN.
        tripleclouds : (column, 4 half_level), optional  [W/m2]
            Absolute fluxes without correction, in the order of
            :data:`~weather_forecast.bias_correction.io.layout.FLUXES`; NaN where not known.

        Raises
        ------
        ValueError
            No "model" among the predictions, shapes that do not fit, NaN or infinite values.
        """
        layout, n = self.layout, len(inputs)
        require_model(predictions)
        require_finite("inputs", inputs, (n, layout.input_channels))
        require_finite("targets", targets, (n, layout.output_channels))
        for name, place in (("latitude", latitude), ("longitude", longitude)):
            require_shape(name, place, (n,))
        if tripleclouds is not None:
            require_shape("tripleclouds", tripleclouds, (n, 4 * (layout.levels + 1)))
        if not n:
            return
        columns = layout.split_inputs(inputs)
        lapse = tropopause(columns["temperature_hl"], columns["pressure_hl"])
        self._pressure = self._pressure + columns["pressure_hl"].double().sum(0).cpu()
        self.columns += n
        for name, values in {TARGET: targets, **predictions}.items():
            known = predicted_rows(name, values, (n, layout.output_channels))
            if known.any():
                self._score(
                    name,
                    {key: value[known] for key, value in columns.items()},
                    targets[known].double(),
                    values[known].double(),
                    lapse[known],
                    None if tripleclouds is None else tripleclouds[known],
                )
        self.samples.update(
            inputs=inputs,
            targets=targets,
            prediction=predictions[MODEL],
            latitude=latitude,
            longitude=longitude,
        )

    def _score(
        self,
        name: str,
        columns: Mapping[str, Tensor],
        target: Tensor,
        predicted: Tensor,
        lapse: Tensor,
        tripleclouds: Tensor | None,
    ) -> None:
        """Add the columns of one model, or of the labels as such."""
        split = self.layout.split_outputs
        found = consistency(split(predicted), columns, tripleclouds)
        self._add_residuals(
            name,
            {key: torch.stack([v.nansum(), (~v.isnan()).sum()]) for key, v in found.items()},
            {key: v.where(~v.isnan(), -torch.inf).max() for key, v in found.items()},
        )
        if name == TARGET:
            return
        truth, guess = (quantities(split(values), lapse) for values in (target, predicted))
        thickness = pressure_thickness(columns)
        for quantity, values in truth.items():
            weight = thickness if quantity.endswith("_by_mass") else None
            sums = error_sums(values, guess[quantity], weight=weight)
            add(self.scores, {name: {quantity: sums}})
        truth_, guess_ = (
            torch.cat([values[quantity] for quantity in POINT_VALUES], dim=1)
            for values in (truth, guess)
        )
        bins = zenith_bin(columns["cos_solar_zenith_angle"])
        sums = error_sums(truth_, guess_, group=bins, groups=ZENITH_BINS)
        add(self.zenith, {name: sums})

    def _add_residuals(self, name: str, sums: Sums, largest: Sums) -> None:
        """Add the residuals of a model or of the labels."""
        add(self.residuals, {name: sums})
        known = self.largest.setdefault(name, {})
        for key, value in largest.items():
            known[key] = torch.maximum(known.get(key, value.cpu()), value.cpu())

    def merge(self, other: CorrectionEvaluation) -> None:
        """Take in the evaluation of another process, of other columns.

        Raises
        ------
        ValueError
            Another layout.
        """
        if other.layout != self.layout:
            raise ValueError(f"evaluations of {self.layout} and {other.layout} cannot be merged")
        self.columns += other.columns
        self._pressure = self._pressure + other._pressure
        add(self.scores, other.scores)
        add(self.zenith, other.zenith)
        for name, sums in other.residuals.items():
            self._add_residuals(name, sums, other.largest[name])
        self.samples.merge(other.samples)

    # ---- metrics --------------------------------------------------------------------------------

    def metrics(self) -> dict[str, Any]:
        """Form the metrics of the module's docstring, and those of each level and sun.

        Returns
        -------
        dict
            ``{"model": {metric: value}, "baselines": {name: {metric: value}}, "target": {metric:
            value}, "profile": ..., "layers": ..., "zenith": ...}``. ``profile`` is ``{"coordinate":
            {"name", "units", "values"}, metric: {flux: {name: values}}}``, with "r2", "mae", "bias"
            and "rmse" of each half level, ``layers`` the same of the heating rates, ``zenith`` of
            values at surface and top by the middle of a bin of the solar zenith angle, of which
            the last, 90 degrees and more, is night.

        Raises
        ------
        ValueError
            No column has been evaluated.
        """
        if not self.columns:
            raise ValueError("no column has been evaluated")
        table = {name: self._metrics(name) for name in self.scores}
        return {
            MODEL: table.pop(MODEL),
            "baselines": table,
            TARGET: self._residuals(TARGET),
            "profile": self._profiles(FLUXES, self.pressure_hl),
            "layers": self._profiles(HEATING_RATES, self.pressure),
            "zenith": self._by_zenith(),
        }

    @property
    def pressure_hl(self) -> Tensor:
        """Mean pressure of the half levels, (half_level,) [Pa]."""
        return self._pressure / self.columns

    @property
    def pressure(self) -> Tensor:
        """Mean pressure of the layers, (level,) [Pa]."""
        return (self.pressure_hl[1:] + self.pressure_hl[:-1]) / 2

    def levels(self, name: str, quantity: str) -> Sums:
        """Return the metrics of a quantity by level, each (level,)."""
        return metrics_of(self.scores[name][quantity], NEGLIGIBLE)

    def angles(self, name: str) -> Sums:
        """Return the metrics by angle, (bin, value), and the means ``target`` and ``magnitude``.

        Of a bin without columns all are NaN.
        """
        sums = self.zenith[name]
        means = {key: sums[key] / sums["weight"] for key in ("target", "magnitude")}
        return {**metrics_of(sums, NEGLIGIBLE), **means}

    def _metrics(self, name: str) -> dict[str, float | int | None]:
        """Form all metrics of one model."""
        scores = self.scores[name]
        found: dict[str, float | int | None] = {"columns": int(scores[FLUXES[0]]["weight"][0])}
        for quantity, sums in scores.items():
            whole = pooled(sums)
            values = metrics_of(whole, NEGLIGIBLE)
            values["relative"] = 100 * whole["abs_error"] / whole["magnitude"]
            for metric in METRICS:
                found[f"{quantity}_{metric}"] = plain_number(values[metric])
        relative = [found[f"{quantity}_relative"] for quantity in (*FLUXES, *HEATING_RATES)]
        known = [value for value in relative if value is not None]
        found["relative_mean"] = sum(known) / len(known) if known else None
        return {**found, **self._residuals(name)}

    def _residuals(self, name: str) -> dict[str, float | int | None]:
        """Form mean and maximum of the residuals of a model or of the labels."""
        found: dict[str, float | None] = {}
        for residual, (total, count) in self.residuals[name].items():
            if residual in SHARES:
                found[f"{residual}_share"] = plain_number(total / count)
            else:
                found[f"{residual}_mean"] = plain_number(total / count)
                found[f"{residual}_max"] = plain_number(self.largest[name][residual])
        return found

    def _profiles(self, names: tuple[str, ...], pressure: Tensor) -> dict[str, Any]:
        """Return the metrics of some outputs by level."""
        metrics = {o: {name: self.levels(name, o) for name in self.scores} for o in names}
        coordinate = pressure_coordinate(pressure)
        return metrics_along(coordinate, metrics, ("r2", "mae", "bias", "rmse"))

    def _by_zenith(self) -> dict[str, Any]:
        """Return means by solar zenith angle."""
        middle = [ZENITH_STEP * (i + 0.5) for i in range(ZENITH_BINS)]
        coordinate = {"name": "solar zenith angle", "units": "degree", "values": middle}
        means = {name: self.angles(name) for name in self.scores}
        by_value = {
            value: {
                name: {metric: values[:, i] for metric, values in found.items()}
                for name, found in means.items()
            }
            for i, value in enumerate(POINT_VALUES)
        }
        columns = [int(n) for n in self.zenith[MODEL]["weight"][:, 0]]
        found = metrics_along(coordinate, by_value, ("mae", "bias", "magnitude"))
        return {**found, "columns": columns}


def quantities(outputs: Mapping[str, Tensor], lapse: Tensor) -> dict[str, Tensor]:
    """Return the quantities of the module's docstring.

    Parameters
    ----------
    outputs : name -> (column, level)
        As :meth:`~weather_forecast.bias_correction.io.layout.RadiationLayout.split_outputs` gives.
    lapse : (column,)
        Half level of the tropopause.

    Returns
    -------
    quantity -> (column, level)
        (column, 1) at surface, top and tropopause.
    """
    fluxes = {name: outputs[name] for name in FLUXES}
    down, up = (fluxes[f"{name}_sw"] + fluxes[f"{name}_lw"] for name in ("flux_dn", "flux_up"))
    return {
        **outputs,
        **{f"{name}_by_mass": outputs[name] for name in HEATING_RATES},
        **{f"surface_{name}": flux[:, -1:] for name, flux in fluxes.items()},
        **{f"toa_{name}": flux[:, :1] for name, flux in fluxes.items() if "up" in name},
        "toa_net": (down - up)[:, :1],
        **{f"tropopause_{n}": flux.gather(1, lapse[:, None]) for n, flux in fluxes.items()},
    }


def zenith_bin(cos_solar_zenith_angle: Tensor) -> Tensor:
    """Return the bin of the solar zenith angle; the last, 90 degrees and more, is night."""
    cosine = cos_solar_zenith_angle.double()
    angle = cosine.clamp(-1, 1).arccos().rad2deg()
    day = (angle / ZENITH_STEP).floor().clamp(0, ZENITH_BINS - 2)
    return day.where(cosine > 0, ZENITH_BINS - 1).long()
