"""What a correction of radiation is judged by, summed up batch by batch.

Only sums over columns are kept, in float64, so that a test set of any size streams through and the
parts of several processes add up to the whole: never a mean over batches.

Metrics of the model and of each baseline, ``<quantity>_<metric>``. Quantities:

``flux_dn_sw``, ``flux_up_sw``, ``flux_dn_lw``, ``flux_up_lw``  [W/m2]; ``hr_sw``, ``hr_lw`` [K/day]
    On all their levels, of all columns, night included.
``hr_sw_by_mass``, ``hr_lw_by_mass``  [K/day]
    Heating rates weighted by the pressure across a layer: those of the thin layers at the top
    dominate the others.
``surface_flux_...``, ``toa_flux_up_...``, ``tropopause_flux_...``  [W/m2]
    At the lowest half level, the uppermost, and at the
    :func:`~weather_forecast.bias_correction.physics.diagnostics.tropopause`. ``toa_net`` is what
    all the radiation downward minus all upward is at the top.

Metrics:

``mae``, ``rmse``, ``bias``
    In the units of the quantity.
``r2``
    Of all levels at once, around their one mean.
``relative``
    MAE in % of that of no correction at all, over the same columns. ``relative_mean`` is the mean
    of the first six.

Then, each as ``..._mean`` and ``..._max`` over columns and levels where one can speak of it, the
residuals of :func:`~weather_forecast.bias_correction.physics.diagnostics.consistency`, of which the
labels' own stand under ``target``; of ``albedo_violation`` and ``negative_lw``, being 0 or 1, only
the ``..._share``. ``columns`` counts those that the metrics stand for: a baseline may leave out
some.

What does not exist, the R2 of a constant target for instance, is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ai4sim.evaluation.scores import plain_number, plain_numbers, require_finite
from weather_forecast.bias_correction.io.layout import FLUXES, HEATING_RATES, RadiationLayout
from weather_forecast.bias_correction.physics.diagnostics import (
    consistency,
    pressure_thickness,
    tropopause,
)
from weather_forecast.bias_correction.samples import POINT_VALUES, Samples
from weather_forecast.bias_correction.scores import (
    ZENITH_BINS,
    ZENITH_STEP,
    Sums,
    add,
    metrics_of,
    quantities,
    summed_residuals,
    sums_by,
    weighted_sums,
    zenith_bin,
)

MODEL = "model"
"""Key of the network among the predictions; the others are baselines."""
TARGET = "target"
"""Key of the labels where their own consistency is looked at."""
HEADLINE = (
    *(f"{name}_relative" for name in (*FLUXES, *HEATING_RATES)),
    "relative_mean",
    "budget_residual_mean",
)
"""Metrics to read first."""
SHARES = ("albedo_violation", "negative_lw")
"""Residuals that are 0 or 1."""


class CorrectionEvaluation:
    """Sums of a model and its baselines over a test set.

    Parameters
    ----------
    layout : RadiationLayout
        What the channels of the columns are.

    Attributes
    ----------
    scores : name -> quantity -> sums
        Of each model and each quantity, over its columns, (level,): ``weight``, and with it
        ``target``, ``target2``, ``error``, ``error2``, ``abs_error`` and ``magnitude``, that of
        the target.
    zenith : name -> sums
        By bin of the solar zenith angle, (bin, value): ``count``, ``target``, ``error``,
        ``abs_error`` and ``magnitude`` of each of
        :data:`~weather_forecast.bias_correction.samples.POINT_VALUES`.
    residuals : name -> sums
        Of each model and of the labels, for each residual ``<name>_sum``, ``<name>_count`` and
        ``<name>_max``.
    samples : Samples
        Columns that the figures show.
    """

    def __init__(self, layout: RadiationLayout) -> None:
        self.layout = layout
        self.columns = 0
        self.scores: dict[str, dict[str, Sums]] = {}
        self.zenith: dict[str, Sums] = {}
        self.residuals: dict[str, Sums] = {}
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
        if MODEL not in predictions:
            raise ValueError(f"no prediction '{MODEL}' among {sorted(predictions)}")
        require_finite("inputs", inputs, (n, layout.input_channels))
        require_finite("targets", targets, (n, layout.output_channels))
        for name, place in (("latitude", latitude), ("longitude", longitude)):
            _require_shape(name, place, (n,))
        if tripleclouds is not None:
            _require_shape("tripleclouds", tripleclouds, (n, 4 * (layout.levels + 1)))
        if not n:
            return
        columns = layout.split_inputs(inputs)
        lapse = tropopause(columns["temperature_hl"], columns["pressure_hl"])
        self._pressure = self._pressure + columns["pressure_hl"].double().sum(0).cpu()
        self.columns += n
        for name, values in {TARGET: targets, **predictions}.items():
            known = torch.ones(n, dtype=torch.bool, device=values.device)
            if name not in (MODEL, TARGET):
                known = ~values.isnan().all(dim=-1)
            shape = (int(known.sum()), layout.output_channels)
            require_finite(f"prediction '{name}'", values[known], shape)
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
            predictions={MODEL: predictions[MODEL], **predictions},
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
        add(self.residuals.setdefault(name, {}), summed_residuals(found))
        if name == TARGET:
            return
        truth, guess = (quantities(split(values), lapse) for values in (target, predicted))
        thickness = pressure_thickness(columns)
        scores = self.scores.setdefault(name, {})
        for quantity, values in truth.items():
            weight = thickness if quantity.endswith("_by_mass") else torch.ones_like(values)
            add(scores.setdefault(quantity, {}), weighted_sums(values, guess[quantity], weight))
        bins = zenith_bin(columns["cos_solar_zenith_angle"])
        truth_, guess_ = (
            torch.cat([values[quantity] for quantity in POINT_VALUES], dim=1)
            for values in (truth, guess)
        )
        add(self.zenith.setdefault(name, {}), sums_by(bins, truth_, guess_))

    def merge(self, other: CorrectionEvaluation) -> None:
        """Take in what another process evaluated, of other columns.

        Raises
        ------
        ValueError
            Another layout.
        """
        if other.layout != self.layout:
            raise ValueError(f"evaluations of {self.layout} and {other.layout} cannot be merged")
        self.columns += other.columns
        self._pressure = self._pressure + other._pressure
        for name, scores in other.scores.items():
            for quantity, sums in scores.items():
                add(self.scores.setdefault(name, {}).setdefault(quantity, {}), sums)
        for mine, others in ((self.zenith, other.zenith), (self.residuals, other.residuals)):
            for name, sums in others.items():
                add(mine.setdefault(name, {}), sums)
        self.samples.merge(other.samples)

    # ---- what the sums say ----------------------------------------------------------------------

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
        """Return ``mae``, ``rmse``, ``bias``, ``r2`` and ``magnitude`` by level, each (level,).

        The magnitude is that of the target, and the MAE of no correction. The R2 of what does not
        vary is NaN.
        """
        return metrics_of(self.scores[name][quantity])

    def angles(self, name: str) -> Sums:
        """Return ``count``, ``target``, ``bias``, ``mae`` and ``magnitude`` by angle, (bin, value).

        Of a bin without columns all but the count are NaN.
        """
        sums = self.zenith[name]
        names = {
            "target": "target",
            "bias": "error",
            "mae": "abs_error",
            "magnitude": "magnitude",
        }
        means = {key: sums[value] / sums["count"] for key, value in names.items()}
        return {"count": sums["count"], **means}

    def _metrics(self, name: str) -> dict[str, float | int | None]:
        """Form all metrics of one model."""
        scores = self.scores[name]
        found: dict[str, float | int | None] = {"columns": int(scores[FLUXES[0]]["weight"][0])}
        for quantity, sums in scores.items():
            pooled = metrics_of({key: value.sum() for key, value in sums.items()})
            relative = 100 * pooled["mae"] / pooled.pop("magnitude")
            for metric, value in {**pooled, "relative": relative}.items():
                found[f"{quantity}_{metric}"] = plain_number(value)
        relative_ = [found[f"{quantity}_relative"] for quantity in (*FLUXES, *HEATING_RATES)]
        known = [value for value in relative_ if value is not None]
        found["relative_mean"] = sum(known) / len(known) if known else None
        return {**found, **self._residuals(name)}

    def _residuals(self, name: str) -> dict[str, float | int | None]:
        """Form mean and maximum of the residuals of a model or of the labels."""
        sums, found = self.residuals[name], {}
        for key in sums:
            residual = key.removesuffix("_sum")
            if residual == key:
                continue
            mean = plain_number(sums[key] / sums[f"{residual}_count"])
            if residual in SHARES:
                found[f"{residual}_share"] = mean
            else:
                found[f"{residual}_mean"] = mean
                found[f"{residual}_max"] = plain_number(sums[f"{residual}_max"])
        return found

    def _profiles(self, names: tuple[str, ...], pressure: Tensor) -> dict[str, Any]:
        """Return the metrics of some outputs by level."""
        values = [float(f"{p / 100:.4g}") for p in pressure.tolist()]
        profile: dict[str, Any] = {
            "coordinate": {"name": "pressure", "units": "hPa", "values": values}
        }
        metrics = {name: {o: self.levels(name, o) for o in names} for name in self.scores}
        for metric in ("r2", "mae", "bias", "rmse"):
            profile[metric] = {
                output: {name: plain_numbers(metrics[name][output][metric]) for name in self.scores}
                for output in names
            }
        return profile

    def _by_zenith(self) -> dict[str, Any]:
        """Return means by solar zenith angle."""
        middle = [ZENITH_STEP * (i + 0.5) for i in range(ZENITH_BINS)]
        found: dict[str, Any] = {
            "coordinate": {"name": "solar zenith angle", "units": "degree", "values": middle},
            "columns": [int(n) for n in self.zenith[MODEL]["count"][:, 0]],
        }
        means = {name: self.angles(name) for name in self.scores}
        for metric in ("mae", "bias", "magnitude"):
            found[metric] = {
                value: {name: plain_numbers(means[name][metric][:, i]) for name in self.scores}
                for i, value in enumerate(POINT_VALUES)
            }
        return found


def _require_shape(name: str, values: Tensor, shape: tuple[int, ...]) -> None:
    """Raise an error unless the values have this shape."""
    if values.shape != shape:
        raise ValueError(f"{name}: expected {shape}, found {tuple(values.shape)}")
