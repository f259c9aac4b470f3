"""Times that are counted from a date, in the calendars and precisions that models write."""

import numpy as np
import pytest

from ai4sim.io.times import decode_times, has_date, resolution, seconds_in, to_seconds


@pytest.mark.parametrize(
    ("value", "units", "calendar", "time"),
    [
        (6, "hours since 2006-03-10", None, "2006-03-10T06:00"),
        (21600, "Seconds Since 2006-03-10 00:00:00 +0:00", "Standard", "2006-03-10T06:00"),
        (0, "hours since 2006-03-10 06:00:00 +02:00", "gregorian", "2006-03-10T04:00"),
        # Year 1 is Julian in one calendar, Gregorian in the other: two days apart.
        (63309513600, "seconds since 0001-01-01", "gregorian", "2007-03-13T00:00"),
        (63309513600, "seconds since 0001-01-01", "proleptic_gregorian", "2007-03-15T00:00"),
        (1.5, "days since 1900-01-01", "none", "1900-01-02T12:00"),
    ],
)
def test_times_are_decoded(value, units, calendar, time):
    assert decode_times([value], units, calendar)[0] == np.datetime64(time)


def test_times_that_were_never_written_are_not_a_time():
    times = decode_times(np.array([0.0, np.nan]), "days since 2006-03-10")
    assert list(np.isnat(times)) == [False, True]
    masked = np.ma.masked_greater([0.0, 9.97e36], 1e30)
    assert list(np.isnat(decode_times(masked, "days since 2006-03-10"))) == [False, True]


@pytest.mark.parametrize(
    ("units", "calendar", "words"),
    [
        ("days since 2006-03-10", "noleap", "days of a model year do not exist"),
        ("days since 2006-03-10", "360_day", 'the calendar is "360_day"'),
        ("days since 2006-13-10", "standard", "make no sense"),
        ("fortnights since 2006-03-10", "standard", "make no sense"),
        ("seconds", "standard", "expected a time since a date"),
    ],
)
def test_what_is_no_date_is_refused(units, calendar, words):
    with pytest.raises(ValueError, match=words):
        decode_times([1.0], units, calendar)


def test_the_type_of_a_number_tells_how_exactly_it_holds_a_time():
    since_1900 = np.float32(3351024000)  # 2006, in seconds
    error = np.abs(float(since_1900) - 3351024000 - 100)
    assert resolution([since_1900], "f4", 1.0)[0] == np.timedelta64(256, "s")
    assert resolution([since_1900], "f4", 1.0)[0] > np.timedelta64(int(error), "s")
    assert resolution([since_1900], "f8", 1.0)[0] < np.timedelta64(1, "ms")
    assert resolution([7], "i4", 86400.0)[0] == np.timedelta64(0)


def test_units_of_time():
    assert seconds_in("Hours since 1900-01-01") == 3600 and seconds_in("second") == 1
    assert seconds_in("days") == 86400 and seconds_in("K") is None
    assert has_date("days Since 2000-01-01") and not has_date("seconds") and not has_date(None)
    moment = np.array(["2006-03-10T05:59:59.7"], "datetime64[us]")
    assert to_seconds(moment)[0] == np.datetime64("2006-03-10T06:00:00")
