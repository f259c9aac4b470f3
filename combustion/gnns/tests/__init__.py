"""Tests of combustion.gnns."""
