"""The same event in many valid forms: the same numbers, or an error that names the file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai4sim.tests.forms import FORMATS, Content, stored_forms
from wmed.tests import written
from wmed.tests.written import Event, Written, air, history

Draw = Callable[[st.SearchStrategy[Any]], Any]
LAND = (999.0, 1e20, 1e9, 1e6, 0.0, -9999.0, np.nan, 1000.0, 998.9997)


def change_air(draw: Draw, files: list[Written]) -> None:
    """Write all air in another form: markers, places, axes."""
    land = draw(st.sampled_from(LAND))
    flips = [axis for axis in ("nj", "ni", "level") if draw(st.booleans())]
    if {"nj", "ni"} <= set(flips):
        flips.remove("ni")
    turn, flat = draw(st.sampled_from([0, 360, -360])), draw(st.sampled_from(["2d", "1d", "time"]))
    for file in files:
        file.change("SST", lambda v: np.where(v == 999, np.float32(land), v))
        file.change("LON", lambda v: v + np.float32(turn))
        if flat == "1d":
            file.set("LON", dimensions=("ni",), values=file.content["LON"].values[0])
            file.set("LAT", dimensions=("nj",), values=file.content["LAT"].values[:, 0])
        elif flat == "time":
            for name in ("LON", "LAT", "SST"):
                values = file.content[name].values[None]
                file.set(name, dimensions=("time", "nj", "ni"), values=values)
        for name, variable in list(file.content.items()):
            axes = [
                axis
                for axis, dimension in enumerate(variable.dimensions)
                if any(dimension.startswith(flip) for flip in flips)
            ]
            if axes:
                file.change(name, partial(np.flip, axis=tuple(axes)))


def change_times(draw: Draw, file: Written) -> None:
    """Count the times of a history from elsewhere, in other units and types."""
    times = file.content["time"].values
    first = np.datetime64(written.START, "s")
    file.content.pop("scrum_time")
    way = draw(st.sampled_from(["start_date", "origin", "units", "name"]))
    if way == "units":
        since = draw(st.sampled_from(["1900-01-01", "1970-01-01 00:00:00", "2006-03-01T00:00:00Z"]))
        unit, length = draw(st.sampled_from([("Seconds", 1), ("hours", 3600), ("days", 86400)]))
        kind = draw(st.sampled_from(["f4", "f8"]))
        offset = (first - np.datetime64(since[:10], "s")) / np.timedelta64(1, "s")
        values = ((times + offset) / length).astype(kind)
        calendar = draw(st.sampled_from(["standard", "gregorian", "proleptic_gregorian", ""]))
        facts = {"calendar": calendar} if calendar else {}
        word = draw(st.sampled_from(["since", "Since"]))
        file.set("time", values=values, units=f"{unit} {word} {since}", attributes=facts)
    if way == "origin":
        file.set("time", attributes={"time_origin": "2006-03-10 00:00:00"})
    if way != "start_date":
        del file.attributes["start_date"]


def change_sea(draw: Draw, files: Event) -> None:
    """Write the history in another form: levels, names, signs, places."""
    file = history(files)
    levels = draw(st.sampled_from([1, 3]))
    downward = draw(st.booleans())
    if levels > 1:
        s = (np.arange(levels) + 0.5) / levels - 1
        for name in ("temp", "u", "v"):
            below = [file.content[name].values - 3 * k for k in range(levels)]
            order = below if downward else below[::-1]
            file.set(name, values=np.concatenate(order, axis=1).astype(np.float32))
        file.content["s_rho"] = Content(("s_rho",), s[::-1].copy() if downward else s)
    names = {"swrad": ("radsw", "shflx_rsw"), "shflx_rlw": ("lwrad",), "shflx_lat": ("latent",)}
    for old, new in names.items():
        if draw(st.booleans()):
            file.rename(old, draw(st.sampled_from(new)))
    for name in [n for n in file.content if n in ("radsw", "lwrad", "latent", "shflux")]:
        if draw(st.booleans()):
            values, facts = file.content[name].values, {"positive": "up"}
            file.set(name, values=-values, attributes=facts)
    turn = draw(st.sampled_from([0, 360]))
    file.change("lon_rho", lambda v: v + np.float32(turn))
    if draw(st.booleans()):
        grid = Written({n: file.content[n] for n in ("lon_rho", "lat_rho", "mask_rho")})
        files["croco_grd.nc"] = grid
        for name in ("lon_rho", "lat_rho", "mask_rho", "angle", "pm", "pn"):
            file.content.pop(name)


@st.composite
def events(draw: Draw) -> Event:
    """Draw an event in some form."""
    files = written.event()
    change_air(draw, air(files))
    change_times(draw, history(files))
    change_sea(draw, files)
    packed = draw(st.booleans())
    for file in files.values():
        file.form = draw(st.sampled_from(FORMATS))
        file.forms = draw(stored_forms(file.content, packed=packed))
        for name in ("time", "LON", "LAT", "lon_rho", "lat_rho"):
            if name in file.forms and file.forms[name].kind == "i2":
                file.forms[name] = replace(file.forms[name], kind="f8")
        if "time" in file.forms:
            kind = file.content["time"].values.dtype.str[1:]
            file.forms["time"] = replace(file.forms["time"], kind=kind)
        if "SST" in file.forms and not np.abs(file.content["SST"].values).max() < 1100:
            file.forms["SST"] = replace(file.forms["SST"], kind="f4", units=("K", 1, 0))
    return files


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(events())
def test_the_same_event_in_another_form(files: Event):
    folder = Path(mkdtemp())
    try:
        found = written.read(written.save(files, folder))
    except ValueError as error:
        assert any(name in str(error) for name in files), error
        assert any(name in str(error) for file in files.values() for name in file.content), error
    else:
        assert written.differences(found) == []
    finally:
        shutil.rmtree(folder)
