"""Physical constants of the IFS, SI units."""

GRAVITY = 9.80665
"""Acceleration of gravity [m/s2]."""

GAS_CONSTANT = 1000.0 * 6.0221367 * 1.380658 / 28.9644
"""Specific gas constant of dry air [J/(kg K)]."""

HEAT_CAPACITY = 3.5 * GAS_CONSTANT
"""Specific heat of dry air at constant pressure [J/(kg K)]."""

EARTH_RADIUS = 6371229.0
"""[m]."""
