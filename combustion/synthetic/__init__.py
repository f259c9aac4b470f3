"""The demo flames: a slot-burner solver, their generation and download."""
