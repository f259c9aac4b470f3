"""Physical constants, those of the ocean and atmosphere files that this use case reads."""

GRAVITY = 9.80665
"""Acceleration of gravity [m/s2]."""

GAS_CONSTANT_DRY_AIR = 287.0597
"""Of dry air [J/kg/K]."""

GAS_CONSTANT_VAPOUR = 461.495
"""Of water vapour [J/kg/K]."""

VAPOUR_RATIO = GAS_CONSTANT_DRY_AIR / GAS_CONSTANT_VAPOUR
"""Molar mass of water over that of dry air, 0.622."""

VIRTUAL = GAS_CONSTANT_VAPOUR / GAS_CONSTANT_DRY_AIR - 1
"""How vapour lightens the air, 0.608: virtual temperature = T (1 + VIRTUAL q)."""

HEAT_CAPACITY_DRY_AIR = 1004.709
"""At constant pressure [J/kg/K]."""

HEAT_CAPACITY_VAPOUR = 1860.0
"""At constant pressure [J/kg/K]."""

KAPPA = GAS_CONSTANT_DRY_AIR / HEAT_CAPACITY_DRY_AIR
"""Temperature goes with the pressure to this power where air moves dry-adiabatically, 0.286."""

REFERENCE_PRESSURE = 100000.0
"""Pressure where potential temperature is temperature [Pa]."""

ZERO_CELSIUS = 273.15
"""In kelvin."""

VON_KARMAN = 0.4

STEFAN_BOLTZMANN = 5.67e-8
"""[W/m2/K4]"""

ALBEDO = 0.066
"""Of the sea for sunlight."""

EMISSIVITY = 0.98
"""Of the sea for thermal radiation."""

SALT_FACTOR = 0.98
"""Saturation over sea water against that over fresh water."""
