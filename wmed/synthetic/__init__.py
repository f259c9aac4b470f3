"""The demo's world: the real coast of the Western Mediterranean, an invented sea and weather."""
