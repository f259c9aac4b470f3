"""Physics that two domains share: constants, the position of the sun, random fields."""
