#!/usr/bin/env bash
# In h5py 3.16.0 (HDF5 2.0.0) the creation properties of a group that keeps the order of its members
# hold what is in it, and addresses in its own file. A group that is made with them in another file,
# to be like the first, counts as many members from the start; from nine on none can be added.
# Seen: 8 members: a new group of 8, data sets copied; 9: a new group of 9, RuntimeError
# It exits with status 1 if this is no longer what is seen.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.2 h5py==3.16.0
cd "$folder"
"$folder/env/bin/python" - <<'PYTHON'
import h5py


def copied(members: int) -> str:
    with h5py.File("a.h5", "w") as file:
        group = file.create_group("zone", track_order=True)
        for i in range(members):
            group[f"node{i}"] = [float(i)]
    with h5py.File("a.h5") as file, h5py.File("b.h5", "w") as other:
        settings = file["zone"].id.get_create_plist()
        group = h5py.Group(h5py.h5g.create(other.id, b"zone", gcpl=settings))
        print(f"{members} members: a new group of {len(group)}", end=", ")
        try:
            for name in file["zone"]:
                file.copy(file["zone"][name], group, name=name)
        except RuntimeError as error:
            print(error)
            return "refused"
        print("data sets copied")
        return "copied"


assert [copied(8), copied(9)] == ["copied", "refused"]
PYTHON
