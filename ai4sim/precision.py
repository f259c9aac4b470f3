"""The precision of a run, by what the processor has instructions for."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch

BFLOAT16 = ("bf16-mixed", "bf16")
"""Lightning's names for float32 weights and bfloat16 arithmetic."""
FLOAT16 = ("16-mixed", "16", 16)
"""Lightning's names for float32 weights and float16 arithmetic."""
ROUNDED = ("16-true", "bf16-true", "transformer-engine", "transformer-engine-float16")
"""Lightning's names for weights and data of two or three digits."""
_WITHOUT = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI")
"""The values of ONEDNN_MAX_CPU_ISA with which torch's kernels do without such instructions."""
log = logging.getLogger(__name__)


def affordable(precision: Any, accelerator: Any = "auto", arguments: Sequence[str] = ()) -> Any:
    """Choose the precision of a run, and say so where it is not the configured one.

    A processor without instructions for bfloat16 takes up to 36 times as long with it as with
    float32. So ``bf16-mixed`` in a configuration means: where the processor has them, and
    ``32-true`` elsewhere. What the command line states is obeyed, with a warning. On a CPU, which
    has no float16 arithmetic, ``16-mixed`` means ``bf16-mixed``.

    Parameters
    ----------
    precision : str or int or None
        Lightning's, as configured.
    accelerator : str
        Lightning's.
    arguments : sequence of str
        The command line.

    Returns
    -------
    str or int or None
        Lightning's.

    Raises
    ------
    ValueError
        Physical values and the statistics of the normalisation would be rounded, too.
    """
    if precision in ROUNDED:
        raise ValueError(
            f"--trainer.precision={precision}: expected 32-true, 64-true, bf16-mixed or 16-mixed. "
            "It would round targets and statistics, which are in physical units, to three digits"
        )
    if precision in FLOAT16 and _on_cpu(accelerator):
        log.info("precision bf16-mixed instead of %s: a CPU has no float16 arithmetic", precision)
        precision = "bf16-mixed"
    if precision not in BFLOAT16:
        return precision
    lacking = _without_bfloat16(accelerator)
    if lacking is None:
        return precision
    if any(argument.split("=")[0] == "--trainer.precision" for argument in arguments):
        log.warning("precision %s is slow here: %s", precision, lacking)
        return precision
    log.info("precision 32-true instead of %s: %s", precision, lacking)
    return "32-true"


def _on_cpu(accelerator: Any) -> bool:
    return accelerator == "cpu" or (accelerator == "auto" and not torch.accelerator.is_available())


def _without_bfloat16(accelerator: Any) -> str | None:
    """Say what the processor of a run lacks for bfloat16; None where it has it, or is unknown."""
    if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available():
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return None
        return f"{torch.cuda.get_device_name()} has no bfloat16 instructions"
    if not _on_cpu(accelerator):
        return None
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper()
    if limit in _WITHOUT:
        return f"ONEDNN_MAX_CPU_ISA={limit} excludes the processor's bfloat16 instructions"
    of_arm: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    if (
        torch.cpu._is_amx_tile_supported()
        or torch.cpu._is_avx512_bf16_supported()
        or of_arm.get("bf16", False)
    ):
        return None
    return "this processor has no bfloat16 instructions (AMX or AVX-512-BF16)"
