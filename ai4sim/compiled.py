"""Schemes whose loops numba compiles, beside the same schemes in PyTorch.

A physical scheme stands twice: in PyTorch, which is the reference, differentiable and at home on
every device, and as loops over NumPy arrays in a module ``NAME_loops``, which run many times faster
on a CPU because a column stays in the cache. The function of the PyTorch form is decorated with
:func:`compiled_by` and chooses; a test pins both forms together.

numba keeps compiled code beside the source file, or in the user's cache, or where
``NUMBA_CACHE_DIR`` points. It compiles anew when the file of the function changes. :func:`jit`
tells it of the files of other compiled functions that the module imports, and of nothing else: so
constants of nature are arguments of compiled functions.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import torch
from torch import Tensor

P = ParamSpec("P")
Result = TypeVar("Result")
Function = TypeVar("Function", bound=Callable[..., Any])

log = logging.getLogger(__name__)


def jit(*relaxed: str, inline: bool = False) -> Callable[[Function], Function]:
    """Return the decorator of a module of loops: numba compiles the function on its first call.

    The compiled code does not hold Python's lock, divides as IEEE 754 says, and is kept in numba's
    cache. Where no folder can be written, it is compiled in each process.

    Parameters
    ----------
    *relaxed : str
        The rules of floating point that the compiler may relax, as LLVM names them: ``contract``
        fuses a product with a sum, ``reassoc`` sums in another order. Rules that would let a NaN
        or an infinity disappear are refused.
    inline : bool
        Whether the function becomes part of each loop that calls it, however long it is: a loop
        with a call in it is not turned into vector instructions.

    Raises
    ------
    ValueError
        Another name.
    """
    if others := set(relaxed) - {"contract", "reassoc", "nsz", "arcp"}:
        raise ValueError(f"jit: expected contract, reassoc, nsz or arcp, found {sorted(others)}")
    import numba

    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "fastmath": set(relaxed),
        "forceinline": inline,
    }

    def decorate(function: Function) -> Function:
        function.__qualname__ += _digest(function)
        try:
            return cast(Function, numba.njit(cache=True, **options)(function))
        except (OSError, RuntimeError):  # numba finds no folder for its cache
            return cast(Function, numba.njit(**options)(function))

    return decorate


def _digest(function: Callable[..., Any]) -> str:
    """Return what tells a function that calls compiled ones of other files from former ones."""
    others = {
        value.__qualname__: Path(value.py_func.__code__.co_filename).read_bytes()
        for value in function.__globals__.values()
        if hasattr(value, "py_func") and value.__module__ != function.__module__
    }
    content = b"".join(name.encode() + others[name] for name in sorted(others))
    return f"_{hashlib.sha256(content).hexdigest()[:16]}" if others else ""


def compiled_by(module: str) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Return a decorator: plain tensors on a CPU go to the function of the same name in `module`.

    The function itself, in PyTorch, serves tensors on other devices, tensors that need a gradient,
    other precisions than single and double, and traced programs. It also serves arguments with an
    attribute ``differentiable = True``, which hold tensors that need a gradient. And it stands in,
    after one warning, on a machine where numba is missing or cannot compile, and quietly with
    ``NUMBA_DISABLE_JIT``. It stays reachable as ``__wrapped__``.

    Parameters
    ----------
    module : str
        The full name of the module of loops. Its function takes and returns the same tensors.
    """

    def decorate(reference: Callable[P, Result]) -> Callable[P, Result]:
        name = reference.__name__

        @functools.wraps(reference)
        def choose(*args: P.args, **kwargs: P.kwargs) -> Result:
            if module not in _given_up and all(map(_plain, (*args, *kwargs.values()))):
                try:
                    if loops := _load(module):
                        return getattr(loops, name)(*args, **kwargs)
                except _failures() as error:
                    _give_up(module, error)
            return reference(*args, **kwargs)

        return choose

    return decorate


def in_threads(work: Callable[[int, int], object], rows: int, block: int = 64) -> None:
    """Call ``work(start, stop)`` on blocks of rows, in as many threads as PyTorch may use.

    Parameters
    ----------
    work : Callable[[int, int], object]
        A call of compiled code that writes its results for these rows into an array.
    rows : int
        Number of rows in all.
    block : int
        Least number of rows that is worth a thread.
    """
    threads = min(torch.get_num_threads(), -(-rows // block))
    if threads < 2:
        work(0, rows)
        return
    edges = [rows * i // threads for i in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, edges[:-1], edges[1:]))


_given_up: set[str] = set()


def _plain(value: object) -> bool:
    """Return whether NumPy can see the numbers of an argument, and nobody asks for its gradient."""
    if isinstance(value, tuple):
        return all(map(_plain, value))
    if not isinstance(value, Tensor):
        return not getattr(value, "differentiable", False)
    return (
        type(value) is Tensor
        and value.device.type == "cpu"
        and value.dtype in (torch.float32, torch.float64, torch.int64, torch.int32, torch.bool)
        and not (value.requires_grad and torch.is_grad_enabled())
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
        and not torch._C._functorch.is_functorch_wrapped_tensor(value)
        and torch.autograd.forward_ad.unpack_dual(value).tangent is None
    )


@functools.cache
def _load(module: str) -> Any:
    """Import a module of loops; None if numba has been told not to compile."""
    from numba import config

    return None if getattr(config, "DISABLE_JIT", 0) else importlib.import_module(module)


@functools.cache
def _failures() -> tuple[type[BaseException], ...]:
    """Return the errors of a machine where numba does not work: none of them comes from data."""
    try:
        from numba.core.errors import NumbaError
    except ImportError:
        return (ImportError,)
    return (ImportError, NumbaError, OSError)


def _give_up(module: str, error: BaseException) -> None:
    """Warn once, and leave this module of loops alone for the rest of the process."""
    _given_up.add(module)
    cause = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
    log.warning("%s: numba cannot compile it here (%s); PyTorch computes instead", module, cause)
