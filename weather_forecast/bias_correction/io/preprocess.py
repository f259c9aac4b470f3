"""From raw files to rows in memory order, with their statistics, in one pass."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai4sim.data.rows import read_ahead
from ai4sim.io.raw import open_raw
from ai4sim.normalization import RunningStatistics
from ai4sim.variables import Float32Array
from weather_forecast.bias_correction.io.inspection import inspect
from weather_forecast.bias_correction.io.raw_files import read_blocks

IN_CACHE = 64
"""Rows whose statistics are taken at once: they stay in the cache of the processor."""
SQUARES = (1e-30, 1e37)
"""Sums of squares that single precision holds with all its digits."""
MOMENTS = ("inputs_mean", "inputs_m2", "targets_mean", "targets_m2")


def process(path: Path) -> Generator[Mapping[str, Float32Array], None, dict[str, Any]]:
    """Turn a raw file into rows of columns, and take their statistics (:mod:`ai4sim.data.cache`).

    Yields
    ------
    dict
        Rows as :func:`weather_forecast.bias_correction.io.raw_files.read_columns` gives them.

    Returns
    -------
    dict
        Of inputs, and of targets where the file has them, the mean and the sum of squared
        deviations from it; the attribute ``layout``.
    """
    statistics: dict[str, RunningStatistics] = {}
    with open_raw(path) as file:
        contents = inspect(file)
        for block in read_ahead(read_blocks(contents)):
            yield block
            for name in [name for name in ("inputs", "targets") if name in block]:
                before = statistics.get(name, RunningStatistics())
                statistics[name] = before.merge(row_statistics(block[name]))
    moments = {
        f"{name}_{moment}": getattr(found, moment)
        for name, found in statistics.items()
        for moment in ("mean", "m2")
    }
    return {**moments, "attributes": {"layout": asdict(contents.layout)}}


def row_statistics(rows: NDArray[np.float32]) -> RunningStatistics:
    """Return mean and sum of squared deviations of each channel of ``rows : (row, channel)``.

    A few rows at a time, in single precision, about the first of them; these are merged in double
    precision (Chan, Golub & LeVeque 1979). No digits are lost: of n rows none is further from their
    mean than sqrt(n - 1) standard deviations, so sums about one of them cancel by a factor n at
    most, and a channel that is constant has a deviation of exactly zero. Each channel is scaled by
    a power of two, so that squares, of trace gases for instance, are no subnormal numbers, with
    which processors are slow; those that leave the range nevertheless are taken in double.
    """
    count, mean, m2 = 0, np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    deviation = np.empty((IN_CACHE, rows.shape[1]), np.float32)
    _, exponent = np.frexp(np.ptp(rows[:IN_CACHE], axis=0))
    scale = np.ldexp(np.float32(1), np.clip(-exponent, -120, 120))
    unit = 1 / scale.astype(np.float64)
    for start in range(0, len(rows), IN_CACHE):
        part = rows[start : start + IN_CACHE]
        n, shift = len(part), part[0]
        of_part = np.subtract(part, shift, out=deviation[:n])
        of_part *= scale
        total = of_part.sum(axis=0).astype(np.float64)
        with np.errstate(over="ignore", under="ignore"):
            squares = np.square(of_part, out=of_part).sum(axis=0).astype(np.float64)
        (lost,) = np.nonzero(~((squares > SQUARES[0]) & (squares < SQUARES[1])))
        lost = lost[(part[:, lost] != shift[lost]).any(axis=0)]
        far = (part[:, lost].astype(np.float64) - shift[lost]) * scale[lost]
        squares[lost] = np.square(far).sum(axis=0)
        squares = np.maximum(squares - total * total / n, 0) * unit**2
        delta = (total * unit / n + shift) - mean
        weight = n / (count + n)
        mean += delta * weight
        m2 += squares + delta * delta * (count * weight)
        count += n
    return RunningStatistics(count, mean, m2)
