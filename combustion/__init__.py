"""Combustion: turbulent premixed flames, their sub-grid surface and its closures."""
