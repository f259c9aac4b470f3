"""From raw files to batches: caches, rows, sets, data modules, and where tasks run."""
