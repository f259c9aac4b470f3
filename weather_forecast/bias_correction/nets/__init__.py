"""Networks whose fluxes and heating rates fit together by construction."""
