"""The demo columns: a synthetic atmosphere, its generation and download."""
