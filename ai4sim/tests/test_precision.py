"""bfloat16 is used where the processor has instructions for it."""

import logging
import subprocess
import sys

import pytest
import torch

from ai4sim.precision import affordable

RUN = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
from ai4sim.precision import affordable
print(affordable("bf16-mixed", "cpu", sys.argv[1:]))
"""


def lines(isa: str, *arguments: str) -> list[str]:
    """Choose in a process whose CPU kernels are limited to an instruction set."""
    done = subprocess.run(
        ["env", f"ONEDNN_MAX_CPU_ISA={isa}", sys.executable, "-c", RUN, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_a_cpu_without_it_takes_float32_and_says_so_in_one_line():
    because = "ONEDNN_MAX_CPU_ISA=AVX2 excludes the processor's bfloat16 instructions"
    assert lines("AVX2") == [f"precision 32-true instead of bf16-mixed: {because}", "32-true"]
    assert lines("avx2", "fit", "--trainer.precision=bf16-mixed") == [
        f"precision bf16-mixed is slow here: {because}",
        "bf16-mixed",
    ]


@pytest.mark.parametrize("precision", ["32-true", "64-true", 32, None])
def test_other_precisions_stay(precision, caplog):
    caplog.set_level(logging.INFO)
    assert affordable(precision, "cpu") == precision
    assert not caplog.messages


@pytest.mark.parametrize("precision", ["bf16-true", "16-true", "transformer-engine"])
def test_what_rounds_physical_values_is_refused_by_name(precision):
    with pytest.raises(ValueError, match=rf"--trainer.precision={precision}: expected 32-true"):
        affordable(precision)


def test_a_cpu_has_no_float16(caplog):
    caplog.set_level(logging.INFO)
    assert affordable("16-mixed", "cpu") in ("bf16-mixed", "32-true")
    assert "bf16-mixed instead of 16-mixed" in caplog.messages[0]


def test_this_cpu_takes_what_it_has(caplog, monkeypatch):
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    caplog.set_level(logging.INFO)
    has = {name for name, there in torch.cpu.get_capabilities().items() if there}
    fast = bool(has & {"amx_tile", "avx512_bf16", "bf16"})
    assert affordable("bf16-mixed", "cpu") == ("bf16-mixed" if fast else "32-true")
    assert len(caplog.messages) == (not fast)
