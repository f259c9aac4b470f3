"""The figures of the test set, all those of :mod:`combustion.plotters`."""

from combustion.plotters import save_all as plot

__all__ = ["plot"]
