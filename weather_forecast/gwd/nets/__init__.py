"""Networks that keep the physics of gravity wave drag."""

NETS = {
    "MomentumFluxNet": "momentum_flux_net",
    "SpectrumNet": "spectrum_net",
    "StressNet": "stress_net",
}
