"""Raw layouts of filtered flames on grids and meshes: readers and writers."""
