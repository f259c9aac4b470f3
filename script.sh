#!/usr/bin/env bash
# The one entry point, on bare metal and in the container: ./script.sh UC [SESSION...] [-- ARGUMENTS]
# It needs Python >= 3.11 and nothing else: nox is installed into .nox/bootstrap if it is missing.
set -euo pipefail

root="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)"

usage() {
    cat <<TXT
Usage: ./script.sh UC [SESSION...] [-- ARGUMENTS]

UC       $(valid_names | paste -sd ' ' -) all
SESSION  train tests coverage lint docs download_data dev_dependencies
         (nox --list in the folder of the use case describes them)

Without a session: prepares the environment of the use case and opens a shell in it.
ARGUMENTS go to what the session runs, from inside the folder of the use case, for instance
    ./script.sh combustion_unets train -- --trainer.max_epochs=2
TXT
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python; do
        if [ -n "$candidate" ] &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    echo "script.sh: no Python >= 3.11 on the PATH; set PYTHON to one." >&2
    exit 1
}

# One line "name folder" for each use case of this checkout.
use_cases() { PYTHONPATH="$root" "$python" "$root/sessions/registry.py"; }

valid_names() { cut -d ' ' -f 1 <<<"$table"; }

# Sets nox to a Python that has nox and uv: the bootstrap environment, else the one found if it has
# both, else a new bootstrap environment, which is made aside and renamed when it is whole.
find_nox() {
    local bootstrap="$root/.nox/bootstrap" made="$root/.nox/bootstrap.$$" pip
    nox="$bootstrap/bin/python"
    if [ -x "$nox" ]; then
        return
    fi
    if "$python" -c 'import nox, uv' 2>/dev/null; then
        nox="$python"
        return
    fi
    echo "script.sh: installing nox into $bootstrap" >&2
    mkdir -p "$root/.nox"
    # Debian's Python may lack ensurepip: then the environment borrows the pip beside it.
    if "$python" -m venv "$made" >/dev/null 2>&1; then
        pip=("$made/bin/python" -m pip)
    else
        "$python" -m venv --clear --without-pip "$made"
        pip=("$python" -m pip --python "$made/bin/python")
    fi
    "${pip[@]}" install --quiet --constraint "$root/constraints.txt" nox uv >&2
    rm -rf "$bootstrap"
    mv "$made" "$bootstrap"
}

open_shell() {
    local folder="$1" activate="$2"
    cd "$folder"
    echo "A shell in $folder; nox --list shows the sessions, exit leaves." >&2
    # bash reads its own settings first, then the environment is activated on top of them.
    exec bash --rcfile <(printf '[ -f ~/.bashrc ] && . ~/.bashrc\n. %q\n' "$activate") -i
}

python="$(find_python)"
table="$(use_cases)"

case "${1:-}" in
    -h | --help)
        usage
        exit 0
        ;;
    "")
        usage >&2
        exit 2
        ;;
    all) folder="$root" ;;
    *)
        relative="$(awk -v name="$1" '$1 == name { print $2 }' <<<"$table")"
        if [ -z "$relative" ]; then
            echo "script.sh: unknown use case '$1'; in this checkout: $(valid_names | paste -sd ' ' -) all" >&2
            exit 2
        fi
        folder="$root/$relative"
        ;;
esac
name="$1"
shift

sessions=()
while [ $# -gt 0 ] && [ "$1" != "--" ]; do
    sessions+=("$1")
    shift
done

find_nox
if [ ${#sessions[@]} -gt 0 ]; then
    exec "$nox" -m nox --noxfile "$folder/noxfile.py" --session "${sessions[@]}" "$@"
fi

"$nox" -m nox --noxfile "$folder/noxfile.py" --session dev_dependencies
if [ -t 0 ]; then
    open_shell "$folder" "$root/.nox/$name/bin/activate"
fi
echo "script.sh: no terminal, so no shell. Name a session instead: ./script.sh $name train" >&2
