"""The figures of the test set, all those of :mod:`combustion.figures`."""

from combustion.figures import save_all as plot

__all__ = ["plot"]
