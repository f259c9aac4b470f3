#!/usr/bin/env bash
# In cf-units 3.3.1 (UDUNITS-2) spellings of pressure and temperature that files of weather models
# have are valid units of something else, so that no error of the parser points to the mistake:
# "pa" is the pico-are, an area, "mb" the millibarn, "C" the coulomb. "PA" is the petaampere.
# Seen: pa -> 1e-10 m2, mb -> 1e-31 m2, C -> 1 A s, PA -> 1e15 A
# It exits with status 1 if this is no longer what is seen.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check cf-units==3.3.1
cd "$folder"
"$folder/env/bin/python" - <<'PYTHON'
import cf_units

seen = {
    text: (cf_units.Unit(text).convert(1.0, meaning), meaning)
    for text, meaning in (("pa", "m2"), ("mb", "m2"), ("C", "A s"), ("PA", "A"))
}
for text, (value, meaning) in seen.items():
    print(f"1 {text} = {value:.8g} {meaning}")
sizes = {"pa": 1e-10, "mb": 1e-31, "C": 1, "PA": 1e15}
assert [round(seen[text][0] / size, 6) for text, size in sizes.items()] == [1] * 4
PYTHON
