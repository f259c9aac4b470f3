"""What happens in the demo: spells of a few days through the seasons, and who learns from which.

The training has two moderate Mistral events among calm, warm and changeable spells. The test has a
quiet autumn and a December storm of the Mistral that is stronger than anything in the training.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

INTERVAL = 6
"""Hours between two records."""


@dataclass(frozen=True)
class Event:
    """A spell of weather over a sea of its season.

    Attributes
    ----------
    start : datetime
        UTC; that of the ocean's initial state.
    use : {"train", "val", "test"}
    records : int
        Times with fluxes, every six hours after the start.
    wind : (float, float)
        Geostrophic wind of the large-scale pressure gradient, to the east and north [m/s].
    lows : int
        Depressions and highs that cross the region at random.
    mistral : float
        Strength of the jets from the valleys of Rhone and Aude above the surface layer [m/s].
    peak, width : float
        When the Mistral is strongest, and the standard deviation of its rise and fall [h].
    warmth : float
        Air that comes over the coast minus the mean of the sea [K], without the day's cycle.
    humidity : float
        Relative humidity of that air near the ground [1].
    aloft : float
        Relative humidity above the boundary layer [1].
    breeze : float
        Strength of the sea breeze in the afternoon [m/s].
    """

    start: datetime.datetime
    use: Literal["train", "val", "test"] = "train"
    records: int = 10
    wind: tuple[float, float] = (0.0, 0.0)
    lows: int = 3
    mistral: float = 0.0
    peak: float = 36.0
    width: float = 16.0
    warmth: float = 0.0
    humidity: float = 0.7
    aloft: float = 0.45
    breeze: float = 0.0

    @property
    def name(self) -> str:
        """Its date as files have it, such as 20060310."""
        return f"{self.start:%Y%m%d}"

    @property
    def recipe(self) -> str:
        """A short mark of all of its settings but the use."""
        settings = asdict(self) | {"use": None}
        return hashlib.sha256(json.dumps(settings, default=str).encode()).hexdigest()[:12]

    def time(self, record: int) -> datetime.datetime:
        """Return when a record is, 0 being the start."""
        return self.start + datetime.timedelta(hours=INTERVAL * record)


def _event(year: int, month: int, day: int, **settings: object) -> Event:
    """Return an event that starts at midnight."""
    return Event(datetime.datetime(year, month, day), **settings)  # type: ignore[arg-type]


DEMO = (
    _event(2005, 1, 12, mistral=25.0, warmth=-8.0, humidity=0.55, wind=(4, -4), lows=3),
    _event(2005, 3, 6, wind=(-2, 9), warmth=3.5, humidity=0.72, aloft=0.55, lows=4),
    _event(2005, 5, 17, wind=(3, 2), warmth=4.0, humidity=0.66, aloft=0.35, breeze=4.0, lows=2),
    _event(2005, 7, 20, warmth=1.5, humidity=0.70, aloft=0.30, breeze=5.0, lows=1),
    _event(2005, 9, 14, wind=(5, 3), warmth=-0.5, humidity=0.76, aloft=0.60, breeze=2.0, lows=5),
    _event(2005, 11, 8, mistral=18.0, peak=30.0, wind=(2, -2), warmth=-6.5, humidity=0.6, lows=4),
    _event(2006, 2, 9, use="val", mistral=20.0, peak=24.0, warmth=-7.0, humidity=0.6),
    _event(2006, 6, 8, use="val", wind=(2, 3), warmth=3.0, aloft=0.40, breeze=4.0, lows=2),
    _event(2006, 10, 3, use="test", wind=(2, 0), warmth=-1.0, humidity=0.72, breeze=2.0),
    _event(2006, 12, 19, use="test", mistral=38.0, warmth=-10.0, humidity=0.5, wind=(5, -6)),
)
"""The events of the demo."""
