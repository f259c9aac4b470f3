#!/bin/sh
# In the repository's folder: nox, and the environment of each use case that is named.
# uv links the same file into every environment; its cache goes, so that it is stored once.
set -eu
python3 -m venv .nox/bootstrap
.nox/bootstrap/bin/python -m pip install --no-cache-dir --constraint constraints.txt nox uv
export UV_CACHE_DIR="$PWD/.nox/cache"
.nox/bootstrap/bin/python -m nox --noxfile docker/noxfile.py --session environments -- "$@"
rm -rf "$UV_CACHE_DIR"
