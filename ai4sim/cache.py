"""Processed data: the arrays of each raw file, kept where they can be mapped into memory.

Of a raw file ``DIR/raw/x.h5`` the cache keeps ``DIR/processed/<recipe>/x/<name>.npy``, uncompressed
(a crop then reads only its own pages), and beside them ``manifest.json``: which source they were
made from, their shapes, and the attributes. A folder is renamed into place with its manifest in it,
so it is whole or absent whatever run is killed; one made from another version of the source is made
again. Deleting ``DIR/processed`` is always safe. Raw files may be larger than memory: dask arrays
are written block by block.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Container, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai4sim.files import (
    atomic_folder,
    missing_file_error,
    one_at_a_time,
    remove_stale_temporaries,
    write_text,
)
from ai4sim.streaming import is_lazy, stream

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
SCRATCH = "scratch"
QUIET_SECONDS = 2.0  # no progress bar for what takes less


class ProcessedCache:
    """Arrays derived from raw files, made once and shared by runs and processes.

    Parameters
    ----------
    data_path : Path or str
        The folder that holds ``raw/``; the cache is ``processed/`` beside it. If it cannot be
        written there, it is in ``$XDG_CACHE_HOME/ai4sim`` (by default ``~/.cache/ai4sim``).
    recipe : str
        Name and version of what `process` does, such as ``flames-1``: change it whenever
        `process` changes, since arrays of another recipe are never used.
    process : callable
        Raw file -> its arrays by name. Floating-point arrays are kept as float32, others as they
        are. The entry ``"attributes"``, if any, is a dict of plain values and not an array. It
        raises ValueError for a file that it cannot use. Dask arrays, cut into blocks along their
        first axis, are computed and written block by block, those of a file in one pass.
    workers : int
        Threads that process files at once (reading and NumPy release the interpreter lock).
    double : container of str
        Names of arrays that are kept as float64.
    scratch : bool
        Give `process` a second argument: an empty folder, on the disk of the cache, for what does
        not fit in memory. It is removed when the arrays are written.
    """

    def __init__(
        self,
        data_path: Path | str,
        recipe: str,
        process: Callable[..., Mapping[str, Any]],
        workers: int = 1,
        double: Container[str] = (),
        scratch: bool = False,
    ) -> None:
        if not re.fullmatch(r"[\w-][\w.-]*", recipe):
            raise ValueError(f"recipe: expected letters, digits, '-', '.', '_', found {recipe!r}")
        data_path = Path(data_path)
        key = hashlib.sha256(str(data_path.resolve()).encode()).hexdigest()[:16]
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self.recipe, self.process, self.workers = recipe, process, workers
        self.double, self.scratch = double, scratch
        self.roots = (data_path / "processed" / recipe, home / "ai4sim" / key / recipe)

    def build(self, files: Iterable[Path | str]) -> None:
        """Process the raw files that are not in the cache as they are now.

        Several processes may call this at once: one works, the others wait for it.

        Raises
        ------
        FileNotFoundError
            If a raw file does not exist.
        ValueError
            What `process` raises for a file that it cannot use. Files done before it are kept.
        """
        from tqdm import tqdm

        paths = [Path(file) for file in files]
        if all(self._find(path) for path in paths):
            return
        root = self._writable_root()
        with one_at_a_time(root), ThreadPoolExecutor(self.workers) as pool:
            remove_stale_temporaries(root)
            stale = [path for path in paths if not self._find(path)]
            done = pool.map(functools.partial(self._make, root), stale)
            try:
                list(tqdm(done, "Processing", len(stale), delay=QUIET_SECONDS, disable=None))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def load(self, file: Path | str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Open the arrays of a raw file, which is processed first where that is needed.

        Returns
        -------
        arrays : dict of str to array
            Mapped into memory (copy-on-write): a slice reads its own part of the disk.
        attributes : dict
            What `process` returned as ``"attributes"``.
        """
        file = Path(file)
        for _ in range(3):
            self.build([file])
            found = self._find(file)
            if found is None:
                continue
            folder, manifest = found
            try:
                arrays = {
                    name: np.load(folder / f"{name}.npy", mmap_mode="c")
                    for name in manifest["arrays"]
                }
            except FileNotFoundError:
                continue  # another process was replacing the folder at this moment
            return arrays, manifest["attributes"]
        raise RuntimeError(
            f"{file}: it, or its processed data in {self.roots[0]}, changes while it is being read"
        )

    def _find(self, file: Path) -> tuple[Path, dict[str, Any]] | None:
        """Return the folder and manifest made from this very state of a raw file, if there is one.

        A cache that only somebody else could write is read all the same.
        """
        fingerprint = self._fingerprint(file)
        for root in self.roots:
            folder = root / file.stem
            try:
                manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if manifest.get("source") == fingerprint:
                return folder, manifest
        return None

    def _make(self, root: Path, file: Path) -> None:
        """Process one raw file."""
        # Taken first: if the file changes while it is read, the result counts as stale.
        fingerprint = self._fingerprint(file)
        with atomic_folder(root / file.stem) as folder:
            scratch = folder / SCRATCH
            scratch.mkdir()
            content = dict(self.process(file, scratch) if self.scratch else self.process(file))
            attributes = content.pop("attributes", {})
            lazy = {name: content.pop(name) for name in list(content) if is_lazy(content[name])}
            dtypes = {name: self._dtype(name, a.dtype) for name, a in lazy.items()}
            described = {name: [str(dtypes[name]), *a.shape] for name, a in lazy.items()}
            if lazy:
                stream(folder, lazy, dtypes, file.name, QUIET_SECONDS)
            for name, values in content.items():
                array = np.asarray(values)
                array = np.ascontiguousarray(array, dtype=self._dtype(name, array.dtype))
                np.save(folder / f"{name}.npy", array, allow_pickle=False)
                described[name] = [str(array.dtype), *array.shape]
            shutil.rmtree(scratch)
            manifest = {
                "source": fingerprint,
                "recipe": self.recipe,
                "arrays": described,
                "attributes": attributes,
            }
            write_text(folder / MANIFEST, json.dumps(manifest, indent=1, default=_plain))

    def _dtype(self, name: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Return what an array is stored as: floating-point ones in single precision."""
        if not np.issubdtype(dtype, np.floating):
            return dtype
        return np.dtype(np.float64 if name in self.double else np.float32)

    @staticmethod
    def _fingerprint(file: Path) -> dict[str, Any]:
        """Return what changes whenever the content of a raw file does."""
        try:
            state = file.stat()
        except FileNotFoundError:
            raise missing_file_error(file) from None
        return {"name": file.name, "size": state.st_size, "mtime_ns": state.st_mtime_ns}

    def _writable_root(self) -> Path:
        """Return the folder of the cache beside the raw data, else the one of this user."""
        beside, personal = self.roots
        try:
            beside.mkdir(parents=True, exist_ok=True)
            if os.access(beside, os.W_OK | os.X_OK):
                return beside
        except OSError:
            pass
        logger.warning("%s cannot be written; processed data go to %s", beside, personal)
        personal.mkdir(parents=True, exist_ok=True)
        return personal


def _plain(value: Any) -> Any:
    """Return the JSON form of an attribute that is not a plain Python value."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return value.decode() if isinstance(value, bytes) else str(value)
