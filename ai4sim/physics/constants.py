"""Physical constants in SI units.

One value per constant, the one of the IFS where it has one. A second value stands here only where
a code whose results are reproduced has its own: the names say whose (``ECRAD_``, ``AEROBULK_``).
"""

GRAVITY = 9.80665
"""The standard acceleration of gravity [m/s2]."""

EARTH_RADIUS = 6371229.0
"""The radius of the sphere of the IFS [m]."""

EARTH_ROTATION = 7.292115e-5
"""The angular velocity of the earth [rad/s]."""

MEAN_EARTH_RADIUS = 6371e3
"""The mean radius of the earth [m], which distances on the grids of CROCO are measured with."""

GAS_CONSTANT = 1000.0 * 6.0221367 * 1.380658 / 28.9644
"""The specific gas constant of dry air in the IFS, N_A k / M [J/(kg K)]."""

AEROBULK_GAS_CONSTANT = 287.0597
"""The same, rounded as in AeroBulk, whose fluxes are reproduced to a part in a thousand."""

GAS_CONSTANT_VAPOUR = 461.495
"""The specific gas constant of water vapour [J/(kg K)]."""

HEAT_CAPACITY = 3.5 * GAS_CONSTANT
"""The specific heat of dry air at constant pressure in the IFS, 7 R / 2 [J/(kg K)]."""

AEROBULK_HEAT_CAPACITY = 1004.709
"""The same, rounded as in AeroBulk."""

ECRAD_HEAT_CAPACITY = 1004.0
"""The same in ecRad: its heating rates, which are learned, are made with it."""

HEAT_CAPACITY_VAPOUR = 1860.0
"""The specific heat of water vapour at constant pressure [J/(kg K)]."""

STEFAN_BOLTZMANN = 5.670374419e-8
"""The Stefan-Boltzmann constant (CODATA 2018) [W/(m2 K4)]."""

AEROBULK_STEFAN_BOLTZMANN = 5.67e-8
"""The same, rounded as in AeroBulk."""

SOLAR_IRRADIANCE = 1361.0
"""The solar irradiance at the mean distance of the sun (Kopp & Lean 2011) [W/m2]."""

REFERENCE_PRESSURE = 100000.0
"""The pressure at which potential temperature is temperature [Pa]."""

ZERO_CELSIUS = 273.15
"""Zero degrees Celsius [K]."""

VON_KARMAN = 0.4
"""The von Karman constant [1]."""
