"""3-D cloud radiative effects of ecRad: SPARTACUS minus Tripleclouds."""
