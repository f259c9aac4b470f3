"""Schemes with compiled loops: when they serve, and that PyTorch stands in for them."""

import importlib
import os
import subprocess
import sys
import textwrap

import pytest
import torch

from ai4sim import compiled

LOOPS = """
import numpy as np
import torch

from ai4sim.compiled import in_threads, jit


@jit("contract")
def _squares(x, y, start, stop):
    for i in range(start, stop):
        y[i] = x[i] * x[i]


def square(x):
    y = torch.empty_like(x)
    in_threads(lambda a, b: _squares(x.numpy(), y.numpy(), a, b), len(x))
    return y + {mark}
"""

SCHEME = """
import logging
import torch
from ai4sim.compiled import compiled_by

logging.basicConfig(format="%(levelname)s %(message)s")


@compiled_by("toy_loops")
def square(x):
    return x * x


if __name__ == "__main__":
    x = torch.arange(200.0)
    print(float(square(x)[3]))
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Return the folder of a scheme whose loops add a half, so that a test sees which one ran."""
    (tmp_path / "toy_loops.py").write_text(textwrap.dedent(LOOPS.replace("{mark}", "0.5")))
    (tmp_path / "toy_scheme.py").write_text(textwrap.dedent(SCHEME))
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("toy_loops", "toy_scheme"):
        sys.modules.pop(name, None)
    compiled._load.cache_clear()
    compiled._given_up.discard("toy_loops")


def run(toy, *, code="import toy_scheme", **environment):
    """Run the scheme in a process of its own; return its standard output and error."""
    paths = os.pathsep.join([str(toy), *filter(None, sys.path)])
    variables = {**os.environ, "PYTHONPATH": paths, **environment}
    script = str(toy / "toy_scheme.py")
    main = f"import runpy\nrunpy.run_path({script!r}, run_name='__main__')"
    command = [sys.executable, "-c", f"{code}\n{main}"]
    return subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_plain_tensors_go_to_the_loops_and_all_others_to_pytorch(toy):
    square = importlib.import_module("toy_scheme").square

    x = torch.arange(200.0)
    assert torch.equal(square(x), x * x + 0.5)
    assert torch.equal(square(x.double()), x.double() ** 2 + 0.5)
    assert torch.equal(square.__wrapped__(x), x * x)
    needs = x.clone().requires_grad_()
    assert torch.equal(torch.autograd.grad(square(needs).sum(), needs)[0], 2 * x)
    with torch.no_grad():
        assert torch.equal(square(needs), x * x + 0.5)
    assert torch.equal(square(x.half()[:4]), x.half()[:4] ** 2)
    assert torch.equal(torch.func.jvp(square, (x,), (torch.ones(200),))[1], 2 * x)
    assert torch.equal(torch.func.vmap(square)(x[:, None]), x[:, None] ** 2)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones(200))
        tangent = torch.autograd.forward_ad.unpack_dual(square(dual)).tangent
    assert torch.equal(tangent, 2 * x)


def test_a_traced_program_holds_the_form_in_pytorch(toy):
    square = importlib.import_module("toy_scheme").square

    class Net(torch.nn.Module):
        def forward(self, x):
            return square(x)

    program = torch.export.export(Net(), (torch.arange(5.0),)).module()
    assert torch.equal(program(torch.arange(5.0)), torch.arange(5.0) ** 2)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_blocks_of_rows_cover_all_rows_with_any_number_of_threads(threads):
    before = torch.get_num_threads()
    seen = torch.zeros(1000, dtype=torch.int64)
    try:
        torch.set_num_threads(threads)
        compiled.in_threads(lambda a, b: seen[a:b].add_(1), 1000, block=100)
    finally:
        torch.set_num_threads(before)
    assert (seen == 1).all()


def test_an_error_in_a_thread_reaches_the_caller():
    def fail(start, stop):
        raise ValueError(f"rows {start} to {stop}")

    with pytest.raises(ValueError, match="rows 0 to"):
        compiled.in_threads(fail, 1000)


def test_without_numba_pytorch_computes_after_one_warning(toy):
    out, errors = run(toy, code="import sys\nsys.modules['numba'] = None").communicate()
    assert out == "9.0\n"
    assert errors.count("WARNING") == 1
    assert "toy_loops: numba cannot compile it here (ModuleNotFoundError" in errors


def test_loops_that_cannot_be_compiled_are_replaced_by_pytorch_after_one_warning(toy):
    loops = (toy / "toy_loops.py").read_text()
    (toy / "toy_loops.py").write_text(loops.replace("x[i] * x[i]", "x[i] * np.busday_count(x)"))
    out, errors = run(toy).communicate()
    assert out == "9.0\n"
    assert errors.count("WARNING") == 1
    assert "toy_loops: numba cannot compile it here (TypingError" in errors


def test_an_error_of_the_loops_is_the_users_to_see(toy):
    loops = (toy / "toy_loops.py").read_text()
    (toy / "toy_loops.py").write_text(loops + "\n\ndef square(x):\n    raise ValueError('x < 0')\n")
    square = importlib.import_module("toy_scheme").square

    with pytest.raises(ValueError, match="x < 0"):
        square(torch.zeros(3))


def test_numba_told_not_to_compile_leaves_the_work_to_pytorch(toy):
    out, errors = run(toy, NUMBA_DISABLE_JIT="1").communicate()
    assert (out, errors) == ("9.0\n", "")


def test_processes_that_compile_at_once_share_one_cache(toy, tmp_path):
    cache = tmp_path / "cache"
    processes = [run(toy, NUMBA_CACHE_DIR=str(cache)) for _ in range(3)]
    for process in processes:
        assert process.communicate() == ("9.5\n", "")
    assert len(list(cache.rglob("*.nbi"))) == 1
    code = "import toy_loops, atexit\natexit.register(lambda: print(toy_loops._squares.stats))"
    out, _ = run(toy, code=code, NUMBA_CACHE_DIR=str(cache)).communicate()
    assert "cache_misses=Counter()" in out


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(toy):
    (toy / "__pycache__").touch()  # a file where numba would make a folder
    nowhere = str(toy / "__pycache__" / "home")
    process = run(toy, HOME=nowhere, XDG_CACHE_HOME=nowhere, PYTHONDONTWRITEBYTECODE="1")
    assert process.communicate() == ("9.5\n", "")


def test_a_change_of_a_function_of_another_file_is_seen(toy, tmp_path):
    function = (
        "from ai4sim.compiled import jit\n\n\n@jit(inline=True)\ndef times(x, y):\n    return x * y"
    )
    (toy / "toy_parts.py").write_text(function + "\n")
    loops = (toy / "toy_loops.py").read_text().replace("x[i] * x[i]", "times(x[i], x[i])")
    loops = loops.replace("import torch\n", "import torch\nfrom toy_parts import times\n")
    (toy / "toy_loops.py").write_text(loops)
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert run(toy, **cache).communicate() == ("9.5\n", "")
    (toy / "toy_parts.py").write_text(function + " * x\n")
    assert run(toy, **cache).communicate() == ("27.5\n", "")


def test_rules_that_would_hide_a_nan_are_refused():
    with pytest.raises(ValueError, match="expected contract, reassoc, nsz or arcp, found .'nnan'"):
        compiled.jit("nnan")
