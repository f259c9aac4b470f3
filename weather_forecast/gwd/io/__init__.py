"""The raw layout of columns and of their drag."""
