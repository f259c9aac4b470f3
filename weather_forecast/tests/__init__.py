"""Tests of weather_forecast."""
