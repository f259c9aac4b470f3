"""Flame surface density with graph neural networks, on grids and on meshes."""
