"""One content in any valid form gives the same rows of columns."""

from dataclasses import replace
from itertools import accumulate, pairwise

import h5py
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4sim.tests.forms import FORMATS, SPELLINGS, Content, packing, stored_forms, write
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.tests.contents import as_rows, contents, read

EPS = 4 * float(np.finfo(np.float32).eps)
LAYOUTS = (DragLayout("nogwd", 3), DragLayout("nogwd", 4), DragLayout("ogwd", 3))
GRIDS = ((4, 6), (24,), (2, 3, 4), (1, 24), (6, 6))


@st.composite
def arranged(draw, layout, content):
    """Draw units and an order of the rows of /x, and the direction of the levels.

    Returns
    -------
    content : dict of str to Content
        As it is to be written, with the attributes that say so.
    tolerance : array (row,)
        How far values of /x may be from the ones meant, per step in which the file rounds.
    """
    x, upward = content["x"], draw(st.booleans())
    named = draw(st.booleans()) or upward
    order = draw(st.permutations(layout.inputs)) if named else list(layout.inputs)
    ends = pairwise(accumulate((v.channels for v in layout.inputs), initial=0))
    places = {v.name: slice(*both) for v, both in zip(layout.inputs, ends, strict=True)}
    parts, units, error = [], [], np.zeros(len(x.values))
    for variable in order:
        spelling, factor, offset = draw(st.sampled_from(SPELLINGS[variable.units]))
        rows = places[variable.name]
        values = x.values[rows].astype(np.float64) * factor + offset
        parts.append(values[::-1] if upward else values)
        units.append(spelling)
        error[rows] = 1 / abs(factor)
    listed = draw(st.sampled_from([", ", ",", " , "])).join(units)
    facts = {"rows": ", ".join(f"{v.name} {v.channels}" for v in order)} if named else {}
    written = dict(content, x=replace(x, values=np.concatenate(parts), units=listed))
    written["x"] = replace(written["x"], attributes=facts)
    if upward:
        y = content["y"]
        flipped = y.values.reshape(-1, layout.levels, *y.values.shape[1:])[:, ::-1]
        written["y"] = replace(y, values=flipped.reshape(y.values.shape))
        level, positive = draw(
            st.sampled_from([(np.arange(layout.levels), "up"), (np.arange(9, 0, -1), "down")])
        )
        values = level[: layout.levels].astype(np.float32)
        written["level"] = Content(("level",), values, "1", {"positive": positive})
    return written, error


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_any_form_gives_the_same_rows(tmp_path_factory, data):
    layout, grid = data.draw(st.sampled_from(LAYOUTS)), data.draw(st.sampled_from(GRIDS))
    content = contents(layout, grid)
    written, per_row = data.draw(arranged(layout, content))
    form = data.draw(st.sampled_from([*FORMATS, "HDF5"]))
    forms = data.draw(stored_forms(written, reorder=form != "HDF5"))
    if layout.scheme == "ogwd" and forms["x"].kind == "i2":  # 1.5 in steps of a slope of 0.1
        forms["x"] = replace(forms["x"], kind="f4")
    path = tmp_path_factory.mktemp("form") / "2015-01-01.h5"
    if form == "HDF5":
        write_plain(path, written, forms)
    else:
        write(path, written, forms, form)
    axes = [axis - 1 for axis in forms["x"].order if axis]  # columns are in the order of /x
    found, expected = read(path), as_rows(content, axes)
    for name, dataset in (("inputs", "x"), ("targets", "y"), ("latitude", "lat")):
        stored, values = forms[dataset], written[dataset].values.astype(np.float64)
        values = values * stored.units[1] + stored.units[2]
        step = EPS * np.abs(expected[name]).max(axis=0)
        if dataset == "x":
            step = step + 2e-4  # degrees Celsius in single precision, and back
        if stored.kind in ("i2", "i4") and form != "HDF5":
            factor = per_row if dataset == "x" else 1 / abs(stored.units[1])
            step = step + packing(values, stored.kind)[0] * factor
        assert (np.abs(found[name] - expected[name]) <= step).all(), (name, form)


def write_plain(path, content, forms):
    """Write HDF5 whose axes have no names, by h5py."""
    with h5py.File(path, "w") as file:
        for name, variable in content.items():
            form = forms[name]
            kind = form.kind if form.kind.startswith("f") else "f4"
            units, factor, offset = form.units
            file.create_dataset(
                name,
                data=variable.values.astype(np.float64) * factor + offset,
                dtype=np.dtype(kind).newbyteorder("S" if form.swapped else "="),
                chunks=True if form.chunked else None,
                compression=form.compression or None,
                shuffle=form.shuffle and form.chunked,
            )
            file[name].attrs.update({**variable.attributes, "units": units})
