#!/usr/bin/env bash
# cf-units 3.3.1 (UDUNITS-2) converts an angle to a plain number: degrees to "1".
# Files of radiation hold the cosine of the solar zenith angle, units 1; some hold the angle, units
# degrees. A check of units by is_convertible() lets the angle pass, as if it were a cosine in other
# units, and convert() gives radians.
# Seen: convertible True, 60 degrees -> 1.0472
# It exits with status 1 if this is no longer what is seen.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check cf-units==3.3.1
cd "$folder"
"$folder/env/bin/python" - <<'PYTHON'
import cf_units

degrees, number = cf_units.Unit("degrees"), cf_units.Unit("1")
print("convertible:", degrees.is_convertible(number), " 60 degrees ->", degrees.convert(60.0, number))
assert degrees.is_convertible(number)
assert abs(degrees.convert(60.0, number) - 1.0471975512) < 1e-9
PYTHON
