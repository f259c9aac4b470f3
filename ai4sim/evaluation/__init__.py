"""Scores of whole test sets, regressions, and the common parts of figures."""
