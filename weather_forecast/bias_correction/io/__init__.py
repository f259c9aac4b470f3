"""The raw layout of radiation columns: readers, writers, preprocessing."""
