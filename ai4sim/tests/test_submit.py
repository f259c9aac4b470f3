"""The batch script of a training: its lines, its site, what is refused before it waits."""

import subprocess
import sys

import numpy as np
import pytest
import yaml

from ai4sim.cli import main
from ai4sim.submit import read_site
from ai4sim.tests.bench import one_run
from ai4sim.tests.test_cli import CONFIG
from ai4sim.tests.toy import write_columns
from ai4sim.use_case import UseCase


@pytest.fixture
def submit(tmp_path, monkeypatch, capsys):
    """The command in a folder with data; it returns what is printed."""
    write_columns(tmp_path / "warm", 300.0)
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(CONFIG))
    monkeypatch.setenv("AI4SIM_SITE", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    toy = "ai4sim.tests.toy"
    paths = f"{toy}:ToyModule", f"{toy}:ToyData"
    use_case = UseCase("toy", "Differences of columns", tmp_path, *paths, download="")

    def run(*options):
        monkeypatch.setattr("sys.argv", ["trainer.py", "submit", "--config", "toy.yaml", *options])
        with one_run():
            main(use_case)
        return capsys.readouterr().out

    return run


def test_a_dry_run_prints_a_script_of_the_site_and_leaves_nothing(submit, tmp_path):
    site = {
        "account": "abc",
        "partition": "gpu",
        "modules": ["gcc/13", "cuda"],
        "container": "/images/ai4sim.sif",
        "bind": ["/scratch"],
        "sbatch": ["--qos=long"],
        "cpus_per_task": 8,
    }
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(site))
    layout = ("--nodes", "2", "--gpus-per-node", "4", "--time", "12:00:00")
    options = ("--", "--trainer.max_epochs=7", "--data.batch_size=3")
    before = set(tmp_path.rglob("*"))
    script = submit("--dry-run", "--site", "site.yaml", "--experiment", "a", *layout, *options)
    assert set(tmp_path.rglob("*")) == before
    assert script.startswith("#!/bin/bash\n")
    for line in (
        "#SBATCH --nodes=2",
        "#SBATCH --ntasks-per-node=4",
        "#SBATCH --gpus-per-node=4",
        "#SBATCH --cpus-per-task=8",
        "#SBATCH --time=12:00:00",
        "#SBATCH --account=abc",
        "#SBATCH --partition=gpu",
        "#SBATCH --qos=long",
        "#SBATCH --signal=USR1@120",
        "#SBATCH --requeue",
        "module load gcc/13",
        "module load cuda",
        f"cd {tmp_path}",
    ):
        assert line in script.splitlines()
    begin, _, end = script.splitlines()[-1].partition(" python ")
    bound = f"--bind={tmp_path} --bind={tmp_path}/experiments --bind=/scratch"
    assert begin.endswith(f"apptainer exec --nv {bound} /images/ai4sim.sif")
    config = f"{tmp_path}/experiments/a/submitted.yaml"
    assert end == (
        f"{tmp_path}/trainer.py fit --config {config} --experiment a "
        "--trainer.max_epochs=7 --data.batch_size=3"
    )
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_without_gpus_and_site_the_interpreter_is_this_one(submit):
    script = submit("--dry-run", "--gpus-per-node", "0", "--tasks-per-node", "2", "--unchecked")
    assert "--gpus" not in script and "account" not in script and "module load" not in script
    assert "#SBATCH --ntasks-per-node=2" in script
    assert f"srun --kill-on-bad-exit=1 {sys.executable} " in script


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--nodes", "0"], "--nodes: expected at least 1, found 0"),
        (
            ["--time", "4 hours"],
            "--time: expected MINUTES, HH:MM:SS or D-HH:MM:SS, found '4 hours'",
        ),
        (["--site", "sit.yaml"], "sit.yaml does not exist"),
    ],
)
def test_what_cannot_be_is_refused(submit, options, message):
    with pytest.raises(SystemExit, match=message):
        submit("--dry-run", *options)


def test_the_folder_of_another_run_is_not_taken(submit, tmp_path):
    (tmp_path / "experiments/a/checkpoints").mkdir(parents=True)
    with pytest.raises(SystemExit, match="experiments/a holds a run"):
        submit("--dry-run", "--experiment", "a")


def test_data_that_would_stop_the_training_are_told_before_it_waits(submit, tmp_path, capsys):
    np.save(tmp_path / "warm/raw/run_3.npy", np.array(["no", "numbers"]))
    (tmp_path / "warm/raw/run_4.npy").write_bytes(b"no array")
    before = set(tmp_path.rglob("*"))
    with pytest.raises(SystemExit) as ended:
        submit("--dry-run", "--", "--data.ratios=[0.5,0.5,0.5]")
    assert ended.value.code and set(tmp_path.rglob("*")) == before
    with pytest.raises(SystemExit):
        submit("--dry-run", "--", "--trainer.max_epoch=3")
    assert "max_epochs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("acount: a", "unknown entry 'acount': did you mean account?"),
        ("modules: gcc", "modules: expected a list of texts, found 'gcc'"),
        ("warning: soon", "warning: expected an integer, found 'soon'"),
        ("- a", "expected entries such as"),
        ("a: [", "no YAML"),
    ],
)
def test_a_site_is_checked(tmp_path, content, message):
    file = tmp_path / "site.yaml"
    file.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_site(file)
