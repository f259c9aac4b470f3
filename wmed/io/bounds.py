"""What no sea, no air and no flux between them leaves, by the names of fields in a batch."""

from ai4sim.io.ranges import Bounds

BOUNDS = {
    "sst": Bounds(268.0, 323.0),
    "current_u": Bounds(-5.0, 5.0),
    "current_v": Bounds(-5.0, 5.0),
    "tau_x": Bounds(-20.0, 20.0),
    "tau_y": Bounds(-20.0, 20.0),
    "heat": Bounds(-5000.0, 1500.0),
    "shortwave": Bounds(-2.0, 1500.0),
    "longwave": Bounds(-600.0, 300.0),
    "latent": Bounds(-4000.0, 1000.0),
    "sensible": Bounds(-3000.0, 1500.0),
    "wind_x": Bounds(-200.0, 200.0),
    "wind_y": Bounds(-200.0, 200.0),
    "potential_temperature": Bounds(150.0, 1000.0),
    "mixing_ratio": Bounds(-0.01, 0.1),
    "pressure": Bounds(10.0, 1.2e5),
}
"""The least and the greatest value, in SI units. Packing may make a little below 0 of no sun."""
