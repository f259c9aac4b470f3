"""Generation: the files, their attributes, what is kept, and what a killed run leaves."""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import combustion
from ai4sim.command import run
from ai4sim.io.files import visible_files
from combustion.io.grids import detect, read_snapshot
from combustion.synthetic.flame import SlotBurner
from combustion.synthetic.generate import R2, R3, RECIPES, Recipe, generate_flames, main

TINY = Recipe(
    {
        "DNS1": SlotBurner(cells=(48, 16, 16), slot_width=8e-4, integral_length=4e-4),
        "DNS2": SlotBurner(cells=(48, 16, 16), slot_width=8e-4, integral_length=4e-4, seed=2),
    },
    snapshots=2,
    spin_up=0.2,
)
LONG = Recipe(
    {"DNS1": SlotBurner(cells=(96, 32, 32), slot_width=1.6e-3, integral_length=8e-4)},
    snapshots=12,
    spin_up=0.3,
)


def names(folder: Path) -> list[str]:
    return [path.name for path in visible_files(folder / "raw")]


def test_snapshots_are_in_the_layout_with_what_one_must_know(tmp_path: Path) -> None:
    files = generate_flames(tmp_path, ["DNS1"], recipe=TINY, device="cpu")
    assert [path.name for path in files] == ["DNS1_000.h5", "DNS1_001.h5"] == names(tmp_path)
    assert detect(files[0]).name == "cnf"
    snapshot = read_snapshot(files[1])
    assert snapshot.case == "DNS1"
    assert snapshot.dx == pytest.approx(8e-4)
    assert snapshot.time == pytest.approx(0.35 * 48 * 1e-4 / 4.0)
    assert snapshot.progress_variable.shape == (6, 2, 2)
    for name in (
        "flame_surface_density",
        "resolved_gradient",
        "subfilter_velocity",
        "les_velocity",
    ):
        assert getattr(snapshot, name).shape == (6, 2, 2)
    facts = snapshot.attributes
    assert facts["filter_width"] == pytest.approx(8e-4)
    assert facts["D"] == pytest.approx(0.272 * 0.526e-3 / 4)
    assert facts["u_prime_over_S_L"] == pytest.approx(0.55 / 0.272)
    assert (facts["S_L"], facts["delta_L"], facts["seed"]) == (0.272, 0.526e-3, 11)
    assert (facts["axis_order"], facts["periodic"], facts["coarsening"]) == ("x,y,z", "y,z", 8)


def test_r2_layout_has_the_other_axis_order(tmp_path: Path) -> None:
    recipe = dataclasses.replace(TINY, layout="r2", snapshots=1)
    cnf = generate_flames(tmp_path / "cnf", ["DNS1"], recipe=TINY)
    (r2,) = generate_flames(tmp_path / "r2", ["DNS1"], recipe=recipe)
    assert detect(r2).name == "r2"
    a, b = read_snapshot(cnf[0]), read_snapshot(r2)
    np.testing.assert_array_equal(a.flame_surface_density, b.flame_surface_density)
    assert b.attributes["axis_order"] == "z,y,x"


def test_cases_in_parallel_are_the_cases_one_by_one(tmp_path: Path) -> None:
    one = generate_flames(tmp_path / "one", recipe=TINY, device="cpu", workers=1)
    two = generate_flames(tmp_path / "two", recipe=TINY, device="cpu", workers=2)
    assert [path.name for path in one] == [path.name for path in two]
    for a, b in zip(one, two, strict=True):
        assert a.read_bytes() == b.read_bytes()
    assert one[0].read_bytes() != one[2].read_bytes()


def test_files_already_there_are_kept_and_missing_ones_made(tmp_path: Path) -> None:
    first, second = generate_flames(tmp_path, ["DNS1"], recipe=TINY)
    content, made = first.read_bytes(), second.stat().st_mtime_ns
    first.unlink()
    more = dataclasses.replace(TINY, snapshots=3)
    generate_flames(tmp_path, ["DNS1"], recipe=more)
    assert names(tmp_path) == ["DNS1_000.h5", "DNS1_001.h5", "DNS1_002.h5"]
    assert first.read_bytes() == content
    assert second.stat().st_mtime_ns == made


def test_killed_generation_continues_and_gives_the_same_files(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(
        "import sys, torch\n"
        "from combustion.tests.test_generate import LONG, generate_flames\n"
        "torch.set_num_threads(1)\n"
        "generate_flames(sys.argv[1], recipe=LONG, device='cpu')\n"
    )
    root = Path(combustion.__path__[0]).parent
    environment = os.environ | {"PYTHONPATH": str(root)}
    killed = tmp_path / "killed"
    command = [sys.executable, str(script), str(killed)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(names(killed)) < 3 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = names(killed)
    assert 3 <= len(left) < 12
    for path in visible_files(killed / "raw", "*.h5"):
        read_snapshot(path)  # whole
    stamps = [path.stat().st_mtime_ns for path in visible_files(killed / "raw")]
    assert (killed / ".generation" / "DNS1.safetensors").exists()

    generate_flames(killed, recipe=LONG, device="cpu")
    whole = generate_flames(tmp_path / "whole", recipe=LONG, device="cpu")
    assert names(killed) == names(tmp_path / "whole")
    for path in whole:
        assert (killed / "raw" / path.name).read_bytes() == path.read_bytes()
    after = [path.stat().st_mtime_ns for path in visible_files(killed / "raw")]
    assert after[: len(stamps)] == stamps
    hidden = [p.name for p in (killed / "raw").iterdir() if p.name.startswith(".")]
    assert not hidden
    assert not (killed / ".generation" / "DNS1.safetensors").exists()


def test_another_recipe_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    generate_flames(tmp_path, ["DNS1"], recipe=TINY)
    other = dataclasses.replace(TINY, filter_width=16.0)
    with pytest.raises(ValueError, match=r"filter_width 0.0008 there, 0.0016 here"):
        generate_flames(tmp_path, ["DNS1"], recipe=other)
    hotter = dataclasses.replace(
        TINY, cases={"DNS1": dataclasses.replace(TINY.cases["DNS1"], turbulence_rms=0.7)}
    )
    with pytest.raises(ValueError, match=r"u_rms_in 0.55 there, 0.7 here"):
        generate_flames(tmp_path, recipe=hotter)


def test_another_seed_is_another_flame(tmp_path: Path) -> None:
    one, two = (
        read_snapshot(generate_flames(tmp_path / f"{seed}", ["DNS1"], recipe=TINY, seed=seed)[0])
        for seed in (0, 1)
    )
    assert (one.attributes["seed"], two.attributes["seed"]) == (11, 12)
    assert np.abs(one.progress_variable - two.progress_variable).max() > 0.01
    with pytest.raises(ValueError, match=r"DNS1_000\.h5 was made in .*seed 11 there, 12 here"):
        generate_flames(tmp_path / "0", ["DNS1"], recipe=TINY, seed=1)


def test_files_of_somebody_else_are_not_mixed_with(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "DNS1_000.h5").write_bytes(b"real data")
    with pytest.raises(ValueError, match=r"DNS1_000\.h5 was not generated here"):
        generate_flames(tmp_path, recipe=TINY)
    assert (tmp_path / "raw" / "DNS1_000.h5").read_bytes() == b"real data"


def test_unknown_names_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown cases \['DNS3'\].*\['DNS1', 'DNS2'\]"):
        generate_flames(tmp_path, ["DNS3"], recipe=TINY)
    with pytest.raises(
        ValueError, match=r"unknown recipe 'cnf'; expected one of \['demo', 'loop', 'r2', 'r3'\]"
    ):
        generate_flames(tmp_path, recipe="cnf")


def test_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(RECIPES, "demo", TINY)
    with caplog.at_level(logging.INFO):
        run(main, ["--data-path", str(tmp_path), "--cases", "DNS2", "--snapshots", "1"])
    assert names(tmp_path) == ["DNS2_000.h5"]
    assert "1 snapshots" in caplog.text


def test_r3_is_r2_at_twice_the_reynolds_number_on_a_finer_grid() -> None:
    def reynolds(burner: SlotBurner) -> float:
        return burner.jet_velocity * burner.slot_width / burner.viscosity

    assert reynolds(R3) / reynolds(R2) == pytest.approx(2, rel=0.01)
    for length, speed in (("slot_width", "jet_velocity"), ("integral_length", "turbulence_rms")):
        assert getattr(R3, length) / getattr(R2, length) == pytest.approx(1.5)
        assert getattr(R3, speed) / getattr(R2, speed) == pytest.approx(4 / 3, rel=0.01)
    assert R3.laminar == R2.laminar
    coarse, fine = RECIPES["r2"], RECIPES["r3"]
    assert fine.stride * R3.spacing == pytest.approx(0.75 * coarse.stride * R2.spacing)
    assert fine.filter_width * R3.spacing == pytest.approx(coarse.filter_width * R2.spacing)


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_recipes_leave_a_useful_les_grid(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.interval >= 0.15
    for burner in recipe.cases.values():
        assert all(n % recipe.stride == 0 for n in burner.cells)
        assert min(burner.cells) // recipe.stride >= 8
        assert len({(b.turbulence_rms, b.seed) for b in recipe.cases.values()}) == len(recipe.cases)
