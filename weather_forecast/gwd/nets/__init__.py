"""Networks that keep the physics of gravity wave drag."""
