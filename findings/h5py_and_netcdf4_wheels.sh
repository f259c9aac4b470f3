#!/usr/bin/env bash
# The wheels of h5py 3.11.0 and netCDF4 1.7.1.post1, both with HDF5 1.14.2, spoil each other in one
# process on Linux: which of them can write dimension scales depends on which was imported first.
# Seen: h5py first: netCDF4 cannot create a variable ("NetCDF: Problem with HDF5 dimscales");
# netCDF4 first: it can, and h5py's make_scale fails ("Unspecified error in H5DSset_scale"). Either
# one alone works, and so do h5py 3.12.1 (HDF5 1.14.4) and the same netCDF4 in both orders.
# It exits with status 1 if this is no longer what is seen.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >both.py <<'PYTHON'
import sys

for name in sys.argv[1].split(","):
    __import__(name)


def with_netcdf4():
    import netCDF4

    with netCDF4.Dataset("a.nc", "w") as file:
        file.createDimension("x", 3)
        file.createVariable("v", "f8", ("x",))[:] = [1, 2, 3]


def with_h5py():
    import h5py

    with h5py.File("b.h5", "w") as file:
        file["x"] = [1.0, 2.0, 3.0]
        file["x"].make_scale("x")


for part in (with_netcdf4, with_h5py):
    if part.__name__.removeprefix("with_") not in sys.argv[1].lower():
        continue
    try:
        part()
        print(sys.argv[1], part.__name__, "works")
    except RuntimeError as error:
        print(sys.argv[1], part.__name__, error)
PYTHON
for h5py in 3.11.0 3.12.1; do
    python3 -m venv "env$h5py"
    "env$h5py/bin/pip" install --quiet --disable-pip-version-check \
        numpy==2.0.2 "h5py==$h5py" netCDF4==1.7.1.post1
    for order in h5py,netCDF4 netCDF4,h5py h5py netCDF4; do
        "env$h5py/bin/python" both.py "$order" | sed "s/^/h5py $h5py: /"
    done
done | tee seen
grep -q "^h5py 3.11.0: h5py,netCDF4 with_netcdf4 NetCDF: Problem with HDF5 dimscales" seen
grep -q "^h5py 3.11.0: netCDF4,h5py with_netcdf4 works" seen
grep -q "^h5py 3.11.0: netCDF4,h5py with_h5py Unspecified error in H5DSset_scale" seen
[ "$(grep -c "works$" seen)" = 10 ]
