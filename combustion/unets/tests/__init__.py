"""Tests of combustion.unets."""
