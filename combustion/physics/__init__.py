"""Filters, gradients and integrals of flames."""
