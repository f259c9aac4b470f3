"""Tests of weather_forecast.gwd."""
