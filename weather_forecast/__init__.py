"""Domain package of the weather-forecast use cases: what they share stands here."""
