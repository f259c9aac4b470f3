#!/usr/bin/env bash
# In meshio 5.3.5 a field in a text file of Gmsh ($NodeData) comes in the order of its lines: the
# number of the node, which each line begins with, is dropped. Data in another order than $Nodes are
# read without an error, at other nodes. In binary files the numbers are compared. With NumPy 2 its
# own text files hold "np.float64(0.25)", which neither it nor Gmsh reads.
# Seen: node 1 has 10 in the file, 40 in meshio; 4 values written as np.float64(...)
# It exits with status 1 if this is no longer what is seen.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.2 meshio==5.3.5
cd "$folder"
"$folder/env/bin/python" - <<'PYTHON'
from pathlib import Path

import meshio
import numpy as np

text = """$MeshFormat
2.2 0 8
$EndMeshFormat
$Nodes
4
1 0 0 0
2 1 0 0
3 0 1 0
4 0 0 1
$EndNodes
$Elements
1
1 4 2 1 1 1 2 3 4
$EndElements
$NodeData
1
"c"
1
0
3
0
1
4
4 40
3 30
2 20
1 10
$EndNodeData
"""
Path("c.msh").write_text(text)
mesh = meshio.read("c.msh")
print(f"node 1 at {mesh.points[0]} has 10 in the file, {mesh.point_data['c'][0]:g} in meshio")
assert mesh.point_data["c"].tolist() == [40, 30, 20, 10]

mesh.point_data["c"] = np.array([0.25, 0.5, 0.75, 1.0])
mesh.write("own.msh", file_format="gmsh22", binary=False)
written = Path("own.msh").read_text().count("np.float64(")
print(f"{written} values written as np.float64(...)")
assert written == 4
PYTHON
