"""The demo columns: a cloudy synthetic atmosphere, its generation and download."""
