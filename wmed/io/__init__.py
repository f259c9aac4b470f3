"""The grids of ocean and atmosphere, their files, and the way from one grid to the other."""
