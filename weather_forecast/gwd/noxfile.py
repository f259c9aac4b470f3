"""Sessions of this use case: `nox --list` describes them, the folder sessions/ defines them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from sessions import define_sessions  # noqa: E402

define_sessions(__file__)
