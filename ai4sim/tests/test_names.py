"""Dates, hours, parts and cases in the names of files."""

import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai4sim.io.names import case_of, cases, instant, read_name

FORMS = {
    "{0:%Y-%m-%d}_{0:%H}": "h",
    "{0:%Y-%m-%d}T{0:%H}": "h",
    "{0:%Y%m%d}_{0:%H%M}": "m",
    "{0:%Y%m%d}T{0:%H%M%S}Z": "s",
    "{0:%Y%m%d%H}": "h",
    "{0:%Y%m%d%H%M%S}": "s",
    "{0:%Y-%m-%d}_{0:%H:%M:%S}": "s",
    "{0:%Y-%m-%d}_{0:%H_%M_%S}": "s",
    "{0:%Y%j}.{0:%H%M}": "m",
    "{0:%d%b%Y}_{0:%H}": "h",
    "y{0:%Y}m{0:%m}d{0:%d}h{0:%H}": "h",
    "{0:%Y%m%d}": "D",
    "{0:%Y-%m-%d}": "D",
    "{0:%Y.%m.%d}": "D",
    "{0:%Y%j}": "D",
    "{0.day}-{0:%b-%Y}": "D",
    "{0:%d%B%Y}": "D",
    "{0:%Y-%m}": "M",
}


@given(
    st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 12, 31)),
    st.sampled_from(sorted(FORMS)),
    st.sampled_from(
        [("", "date"), ("rad_", "rad"), ("wrfout_d01_", "wrfout_d01"), ("L91.", "L91")]
    ),
    st.sampled_from(["", "_m3", "_tile3", "_member_03"]),
)
def test_date_and_hour_are_one_instant_of_one_case_whatever_the_form(time, form, prefix, part):
    time = time.replace(microsecond=0)
    name = read_name(f"raw/{prefix[0]}{form.format(time)}{part}.nc")
    assert name.instant == np.datetime64(time).astype(f"datetime64[{FORMS[form]}]")
    assert (name.case, name.part) == (prefix[1], part.strip("_"))


@pytest.mark.parametrize(
    ("name", "case", "number"),
    [
        ("DNS1_007.h5", "DNS1", 7),
        ("R2K1_0001.h5", "R2K1", 1),
        ("snapshot12.h5", "snapshot", 12),
        ("croco_his.00004.nc", "croco_his", 4),
        ("0001.h5", "number", 1),
        ("A_t0.15.h5", "A", 0.15),
        ("DNS1_0001_tile3.h5", "DNS1", 1),
        ("solut_00012000.h5", "solut", 12000),
        ("flame.h5", "flame", None),
        ("R2_0.005.h5", "R2", 0.005),
        ("R2like_0003.0001.h5", "R2like", 3),
    ],
)
def test_without_a_date_the_last_number_counts(name, case, number):
    found = read_name(name)
    assert (found.case, found.number, found.instant) == (case, number, None)


def test_names_of_models_and_services():
    assert instant("20200101_0000_06.nc") == np.datetime64("2020-01-01T00:00")
    assert read_name("20200101_0000_06.nc").part == "06"
    assert instant("case.cam.h1.2015-01-02-43200.nc") == np.datetime64("2015-01-02T12:00")
    assert instant("croco_his_20060310.nc") == np.datetime64("2006-03-10")
    assert instant("croco_his_20060310_12.nc") == np.datetime64("2006-03-10T12:00")
    assert instant("2015-01-01_24.h5") == np.datetime64("2015-01-02T00:00")
    assert case_of("MERRA2_400.tavg1_2d_slv_Nx.20150101.nc4") == "MERRA2_400.tavg1_2d_slv_Nx"
    assert case_of("2015-01-01_rad.h5") == case_of("member_03_rad_2015-01-01.nc") == "rad"
    assert case_of("mfs_20150101_sv_b20150120_an.nc") == "mfs_sv_an"
    assert instant("era5_2015_03.nc") == np.datetime64("2015-03-01")
    assert case_of("tas_18500101-18591231.nc") == case_of("tas_185001-185912.nc") == "tas"


def names_of(files):
    return {
        case: [[file.name for file in files] for files in instants]
        for case, instants in cases(files).items()
    }


def test_numbers_that_begin_anew_every_day_are_parts_not_hours():
    patches = [Path(f"2015-01-0{day}_{patch:02}.h5") for day in (1, 2) for patch in range(6)]
    assert [len(files) for files in cases(patches)["date"]] == [6, 6]
    many = [Path(f"2015-01-0{day}_{patch:02}.h5") for day in (1, 2) for patch in range(36)]
    assert [len(files) for files in cases(many)["date"]] == [36, 36]
    hours = [Path(f"2015-01-0{day}_{hour:02}.h5") for day in (1, 2) for hour in range(24)]
    assert [len(files) for files in cases(hours)["date"]] == [1] * 48
    event = [Path(f"20060310_{hour:02}.nc") for hour in range(6)]
    assert len(cases(event)["date"]) == 6


def test_names_that_differ_in_digits_only_are_read_alike():
    # 2000-01 ... 2000-12 could be months, 2000-13 is none.
    files = [Path(f"DNS-2000-{number:02}.h5") for number in range(1, 15)]
    assert list(cases(files)) == ["DNS-2000"] and len(cases(files)["DNS-2000"]) == 14
    steps = [Path(f"x_{number}.h5") for number in (2015001, 2015500, 2016000)]
    assert names_of(steps) == {"x": [[step.name] for step in steps]}
    times = [Path(f"A_t{time}.h5") for time in (0.5, 0.15, 1.25)]
    assert names_of(times) == {"A": [["A_t0.15.h5"], ["A_t0.5.h5"], ["A_t1.25.h5"]]}


def test_instants_are_in_the_order_of_time_whatever_the_order_of_names():
    files = [Path(name) for name in ("1-Feb-2015.h5", "2-Jan-2015.h5", "10-Jan-2015.h5")]
    assert names_of(files) == {"date": [["2-Jan-2015.h5"], ["10-Jan-2015.h5"], ["1-Feb-2015.h5"]]}


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ("{:02}{:02}2015.h5", "the year last, '01022015'"),
        ("rad_{}-{}-2015_06.nc", "the year last, '1-2-2015'"),
        ("rad_{:02}{:02}15.nc", "a year of two digits, '010215'"),
    ],
)
def test_dates_that_cannot_be_told_apart_are_refused(form, problem):
    files = [Path("raw") / form.format(31, 1), Path("raw") / form.format(1, 2)]
    with pytest.raises(
        ValueError, match=rf"raw/.*: expected the date .* year, month, day.*{problem}"
    ):
        cases(files)
    with pytest.raises(ValueError, match="in 2 names like this one"):
        cases(files)


def test_short_years_before_an_hour_are_refused_but_counters_are_not():
    with pytest.raises(ValueError, match="a year of two digits, '150101'"):
        cases([Path("rad_150101_00.nc"), Path("rad_150101_06.nc")])
    assert len(cases([Path(f"DNS_{i:06}.h5") for i in range(0, 2000, 100)])["DNS"]) == 20
    assert len(cases([Path(f"solut_{i:08}.h5") for i in range(0, 2000000, 100000)])["solut"]) == 20
