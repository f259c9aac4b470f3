#!/usr/bin/env bash
# cftime 1.6.5 raises TypeError, and not its ValueError for units that it cannot parse, where the
# date of the units has the name of a month, as CROCO writes it (10-Mar-2006). Programs that catch
# ValueError, the documented error, end in a traceback that names neither units nor variable.
# Seen: TypeError: int() argument must be a string, ... not NoneType
# It exits with status 1 if this is no longer what is seen.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check cftime==1.6.5
cd "$folder"
"$folder/env/bin/python" - <<'PYTHON'
import cftime

try:
    cftime.num2date([0.0], "hours since 10-Mar-2006", "standard")
except Exception as error:
    print(f"{type(error).__name__}: {error}")
    assert isinstance(error, TypeError)
else:
    raise SystemExit("no error any more")
PYTHON
