"""Networks whose fluxes and heating rates fit together by construction."""

NETS = {"CorrectionNet": "correction_net"}
