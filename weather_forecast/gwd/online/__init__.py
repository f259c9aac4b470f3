"""The emulators in the loop: a quasi-biennial oscillation driven by them."""
