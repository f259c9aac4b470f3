"""The surrogates in the loop: slab oceans that feed back, driven for a month."""
