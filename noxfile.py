"""Sessions over all use cases: `nox --list` describes them, `./script.sh all SESSION` runs them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from sessions import define_sessions_of_all  # noqa: E402

define_sessions_of_all()
