"""Files with a single fault give the right numbers, or an error that names them."""

from pathlib import Path

import h5py
import numpy as np

from ai4sim.tests import corruption
from ai4sim.tests.forms import write
from weather_forecast.gwd.tests.contents import as_rows, contents, read

FORMATS = ("NETCDF4", "NETCDF4_CLASSIC", "NETCDF3_CLASSIC", "NETCDF3_64BIT_DATA", "HDF5")
CHANGES = (corruption.change_units, corruption.swap_axes, corruption.drop_a_variable)
DAMAGES = (corruption.cut_short, corruption.flip_a_byte)
FILES = 500


def damage(seed: int, folder: Path) -> tuple[Path, str]:
    """Write a file with one fault."""
    rng = np.random.default_rng(seed)
    content, path = contents(), folder / f"file_{seed}.h5"
    number, form = seed % 5, FORMATS[seed // 5 % len(FORMATS)]
    fault = CHANGES[number](content, rng) if number < len(CHANGES) else ""
    if form == "HDF5":
        with h5py.File(path, "w") as file:
            for name, variable in content.items():
                file[name] = variable.values
                file[name].attrs["units"] = variable.units
    else:
        write(path, content, {}, form)
    if not fault:
        fault = DAMAGES[number - len(CHANGES)](path, rng)
    return path, f"{form}: {fault}"


def test_no_fault_gives_other_numbers(tmp_path):
    found = corruption.outcomes(damage, read, as_rows(contents()), range(FILES), tmp_path)
    assert [outcome for outcome in found if outcome.verdict not in ("right", "refused")] == []
    assert len(found) == FILES
