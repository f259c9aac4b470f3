#!/usr/bin/env bash
# netCDF4 1.7.4 (netCDF-C) opens a classic netCDF file whose copy stopped half way, and reads what is
# missing as zeros, without a word. CROCO and ROMS write this format by default; 0 is a possible
# temperature in degrees Celsius. The header holds all that is needed to know the length.
# Seen: 800 of 1600 bytes of values kept: no error, 100 zeros
# It exits with status 1 if this is no longer what is seen.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.2 netCDF4==1.7.4
cd "$folder"
"$folder/env/bin/python" - <<'PYTHON'
import os

import netCDF4
import numpy as np

with netCDF4.Dataset("history.nc", "w", format="NETCDF3_64BIT_OFFSET") as file:
    file.createDimension("n", 200)
    file.createVariable("temp", "f8", ("n",))[:] = 15.0
size = os.path.getsize("history.nc")
os.truncate("history.nc", size - 800)
with netCDF4.Dataset("history.nc") as file:
    temperature = np.asarray(file["temp"][:])
print(f"{size - 800} of {size} bytes: no error,", int((temperature == 0).sum()), "zeros")
assert (temperature[:100] == 15).all() and (temperature[100:] == 0).all()
PYTHON
