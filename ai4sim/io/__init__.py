"""Files: written whole, downloaded once, unpacked without trust."""
