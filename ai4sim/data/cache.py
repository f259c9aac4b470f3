"""Processed data: the arrays of each raw file, kept where they can be mapped into memory.

Of a raw file ``DIR/raw/x.h5`` the cache keeps ``DIR/processed/<recipe>/x/<name>.npy``, uncompressed
(a crop then reads only its own pages), and beside them ``manifest.json``: the source that they were
made from, their names, and the attributes. A folder is renamed into place with its manifest in it,
so it is whole or absent whatever run is killed; one made from another version of the source is made
again. Deleting ``DIR/processed`` is always safe. Raw files may be larger than memory: dask arrays,
and blocks of rows that a generator yields, are written one by one. A file is one task; the tasks
run on threads, processes or a Dask cluster (:mod:`ai4sim.data.scheduling`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Container, Generator, Iterable, Iterator, Mapping
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai4sim.data.scheduling import WORKERS_TIMEOUT, executor
from ai4sim.data.streaming import Blocks, append_blocks, is_lazy, progress_bar, stream
from ai4sim.io.files import (
    atomic_folder,
    missing_file_error,
    named_errors,
    one_at_a_time,
    remove_stale_temporaries,
    write_text,
)

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
SCRATCH = "scratch"


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
        are. The entry ``"attributes"``, if any, is a dict of plain values and not an array;
        ``"sources"`` names other files that were read beside it: when one of them changes, the
        arrays are made anew. It raises ValueError for a file that it cannot use; to errors of
        libraries the name of the file is added. Dask arrays, cut
        into blocks along their first axis, are computed and written block by block, those of a file
        in one pass. Or it is a generator function: each mapping that it yields holds the next rows
        of the arrays of those names, and what it returns in the end is a mapping of further arrays
        and attributes.
    workers : int
        Threads or processes, that is, files that are processed at once.
    double : container of str
        Names of arrays that are kept as float64.
    scratch : bool
        Give `process` a second argument: an empty folder, on the disk of the cache, for what does
        not fit in memory. It is removed when the arrays are written.
    scheduler : str
        Where files are processed: ``threads`` (reading and NumPy release the interpreter lock),
        ``processes``, ``distributed`` or a running Dask scheduler; see
        :func:`ai4sim.data.scheduling.executor`.
    beside : callable, optional
        Raw file -> the files among which `process` looks for what belongs to it, whether it finds
        any there or not. When one is added to them or removed, the arrays are made anew.
    """

    def __init__(
        self,
        data_path: Path | str,
        recipe: str,
        process: Callable[..., Mapping[str, Any] | Blocks],
        workers: int = 1,
        double: Container[str] = (),
        scratch: bool = False,
        scheduler: str = "threads",
        beside: Callable[[Path], Iterable[Path]] | None = None,
        workers_timeout: float = WORKERS_TIMEOUT,
    ) -> None:
        if not re.fullmatch(r"[\w-][\w.-]*", recipe):
            raise ValueError(f"recipe: expected letters, digits, '-', '.', '_', found {recipe!r}")
        data_path = Path(data_path)
        key = hashlib.sha256(str(data_path.resolve()).encode()).hexdigest()[:16]
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self.recipe, self.process, self.workers = recipe, process, workers
        self.double, self.scratch, self.scheduler = double, scratch, scheduler
        self.beside, self.workers_timeout = beside, workers_timeout
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
            Or two files would replace each other's arrays: ``x.nc`` and ``x.h5``.
        """
        paths = [Path(file) for file in files]
        if all(self._find(path) for path in paths):
            return
        self._refuse_twins(paths)
        root = self._writable_root()
        with one_at_a_time(root):
            remove_stale_temporaries(root)
            stale = {path: path.stat().st_size for path in paths if not self._find(path)}
            if not stale:
                return
            with (
                executor(
                    self.scheduler, min(self.workers, len(stale)), self.workers_timeout
                ) as pool,
                progress_bar(f"Processing {len(stale)} files", sum(stale.values())) as bar,
            ):
                tasks = {pool.submit(self._make, root, path): path for path in stale}
                try:
                    for done, task in enumerate(as_completed(tasks), start=1):
                        with named_errors(tasks[task]):
                            task.result()
                        bar.set_postfix(files=done, refresh=False)
                        bar.update(stale[tasks[task]])
                except BaseException:
                    for task in tasks:
                        task.cancel()
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
        for folder, manifest in self._manifests(file):
            others: dict[str, Any] = manifest.get("sources", {})
            if (
                manifest.get("source") == fingerprint
                and manifest.get("beside", []) == self._names_beside(file)
                and all(
                    (file.parent / name).exists() and self._fingerprint(file.parent / name) == state
                    for name, state in others.items()
                )
            ):
                return folder, manifest
        return None

    def _names_beside(self, file: Path) -> list[str]:
        """Return the names of the files among which `process` looks."""
        return sorted(path.name for path in self.beside(file)) if self.beside else []

    def _manifests(self, file: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Give what was made from raw files of this stem: each folder and its manifest."""
        for root in self.roots:
            folder = root / file.stem
            with contextlib.suppress(OSError, ValueError):
                yield folder, json.loads((folder / MANIFEST).read_text(encoding="utf-8"))

    def _refuse_twins(self, files: Iterable[Path]) -> None:
        """Raise ValueError where two raw files have one stem, hence one folder in the cache."""
        names: dict[str, str] = {}
        for file in files:
            made_from = [found.get("source", {}).get("name") for _, found in self._manifests(file)]
            for name in filter(None, (names.setdefault(file.stem, file.name), *made_from)):
                if name != file.name and file.with_name(name).exists():
                    raise ValueError(
                        f"{file.parent}: expected names that differ in more than their ending, "
                        f"found {name} and {file.name}, whose processed data would replace each "
                        "other. Rename one of them, or move it elsewhere"
                    )

    def _make(self, root: Path, file: Path) -> None:
        """Process one raw file."""
        # Taken first: if the file changes while it is read, the result counts as stale.
        fingerprint, beside = self._fingerprint(file), self._names_beside(file)
        with atomic_folder(root / file.stem) as folder:
            scratch = folder / SCRATCH
            scratch.mkdir()
            made = self.process(file, scratch) if self.scratch else self.process(file)
            content = self._write(folder, file, made)
            shutil.rmtree(scratch)
            sources = content.pop("sources", ())
            manifest = {
                "source": fingerprint,
                "recipe": self.recipe,
                "attributes": content.pop("attributes", {}),
                "arrays": sorted(content),
                "sources": {name: self._fingerprint(file.parent / name) for name in sources},
                "beside": beside,
            }
            write_text(folder / MANIFEST, json.dumps(manifest, indent=1, default=_plain))

    def _write(self, folder: Path, file: Path, made: Mapping[str, Any] | Blocks) -> dict[str, Any]:
        """Write the arrays that `process` gives, and return all that it gives by name."""
        progress = self.scheduler == "threads"  # elsewhere nobody would see it
        names: list[str] = []
        if isinstance(made, Generator):
            size = file.stat().st_size
            names, made = append_blocks(folder, made, self._dtype, file.name, size, progress)
        arrays = {name: made[name] for name in made if name not in ("attributes", "sources")}
        lazy = {name: values for name, values in arrays.items() if is_lazy(values)}
        if lazy:
            stream(folder, lazy, self._dtype, file.name, progress)
        for name in arrays.keys() - lazy.keys():
            array = np.asarray(arrays[name])
            array = np.ascontiguousarray(array, dtype=self._dtype(name, array.dtype))
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        return {**dict.fromkeys(names), **made}

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
        log.warning("%s cannot be written; processed data go to %s", beside, personal)
        personal.mkdir(parents=True, exist_ok=True)
        return personal


def _plain(value: Any) -> Any:
    """Return the JSON form of an attribute that is not a plain Python value."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return value.decode() if isinstance(value, bytes) else str(value)
