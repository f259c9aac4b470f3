"""Gravity wave drag of the IFS, emulated."""
