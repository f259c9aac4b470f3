#!/usr/bin/env bash
# netCDF4-python 1.7.4 masks values beyond valid_range, xarray 2026.2.0 keeps them.
# A model whose output leaves the valid_range that its template declares (fluxes in a storm) loses
# these values in one library and not in the other; neither says so.
# Seen: netCDF4 [100.0, --], xarray [100. 900.]
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

with netCDF4.Dataset("flux.nc", "w") as file:
    file.createDimension("n", 2)
    variable = file.createVariable("latent", "f4", ("n",))
    variable.units, variable.valid_range = "W m-2", np.array([-500, 500], "f4")
    variable.set_auto_mask(False)
    variable[:] = [100, 900]
with netCDF4.Dataset("flux.nc") as file:
    library = file["latent"][:]
with xarray.open_dataset("flux.nc", engine="netcdf4") as dataset:
    decoded = dataset["latent"].values
print("netCDF4:", library, " xarray:", decoded)
assert np.ma.getmaskarray(library).tolist() == [False, True]
assert decoded.tolist() == [100, 900]
PYTHON
