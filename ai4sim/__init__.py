"""The shared core: learning, files and figures; it knows no physics and imports no use case."""
