"""Ocean-atmosphere coupling in the western Mediterranean."""
