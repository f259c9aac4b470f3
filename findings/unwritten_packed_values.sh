#!/usr/bin/env bash
# netCDF4 1.7.4 and xarray 2026.2.0 read the same never-written values of a packed variable differently.
# A variable of shorts with scale_factor and without _FillValue is written only in part. By the NetCDF
# Users' Guide the rest holds the default fill value, -32767. netCDF4-python masks it. xarray, through
# any engine, looks at the attribute _FillValue alone and unpacks -32767 as a measurement.
# Seen: netCDF4 [273.15, --], xarray [273.15, -54.52]
# It exits with status 1 if this is no longer what is seen.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.2 netCDF4==1.7.4 xarray==2026.2.0
cd "$folder"
"$folder/env/bin/python" - <<'PYTHON'
import netCDF4
import numpy as np
import xarray

with netCDF4.Dataset("packed.nc", "w") as file:
    file.createDimension("time", None)
    file.createDimension("n", 1)
    variable = file.createVariable("t", "i2", ("time", "n"))
    variable.scale_factor, variable.add_offset = 0.01, 273.15
    variable[0] = [273.15]
    file.createVariable("later", "f4", ("time",))[1] = 1.0  # a second record, without t
with netCDF4.Dataset("packed.nc") as file:
    library = file["t"][:, 0]
with xarray.open_dataset("packed.nc", engine="netcdf4") as dataset:
    decoded = dataset["t"].values[:, 0]
print("netCDF4:", library, " xarray:", decoded)
assert np.ma.getmaskarray(library).tolist() == [False, True]
assert abs(decoded[1] - (273.15 - 327.67)) < 1e-6
PYTHON
