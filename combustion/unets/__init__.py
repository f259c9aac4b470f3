"""Sub-grid flame surface density with 3-D U-Nets."""
