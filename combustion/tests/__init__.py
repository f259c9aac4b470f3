"""Tests of the combustion domain package."""
