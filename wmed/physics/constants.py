"""Constants of moist air and of the sea surface, those of AeroBulk."""

from ai4sim.physics.constants import (
    AEROBULK_GAS_CONSTANT,
    AEROBULK_HEAT_CAPACITY,
    GAS_CONSTANT_VAPOUR,
)

VAPOUR_RATIO = AEROBULK_GAS_CONSTANT / GAS_CONSTANT_VAPOUR
"""Molar mass of water over that of dry air, 0.622."""

VIRTUAL = GAS_CONSTANT_VAPOUR / AEROBULK_GAS_CONSTANT - 1
"""How vapour lightens the air, 0.608: virtual temperature = T (1 + VIRTUAL q)."""

KAPPA = AEROBULK_GAS_CONSTANT / AEROBULK_HEAT_CAPACITY
"""Exponent R/cp of dry-adiabatic temperature against pressure, 0.286."""

ALBEDO = 0.066
"""The albedo of the sea for sunlight."""

EMISSIVITY = 0.98
"""The emissivity of the sea for thermal radiation."""

SALT_FACTOR = 0.98
"""The saturation humidity over sea water relative to fresh water."""
