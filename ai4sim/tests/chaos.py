"""Random sequences of commands in one folder."""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ai4sim.tests.bench import checkpoint, results
from ai4sim.tests.fork_server import ERRORS, OUTPUT
from ai4sim.tests.watched import Folder, Run


class Sequence(Folder):
    """Commands with random options, each with what it must say and leave."""

    def run(self) -> None:
        """Run from two to five commands; the first is a training."""
        self.train()
        actions: dict[Callable[[], None], int] = {
            self.train: 3,
            self.train_under_a_taken_name: 1,
            self.stop: 2,
            self.go_on: 4,
            self.go_on_elsewhere: 2,
            self.go_on_with_another_network: 1,
            self.start_from: 2,
            self.start_from_another_network: 1,
            self.test: 3,
            self.predict: 2,
            self.validate: 1,
            self.reproduce: 1,
            self.name_what_is_not_there: 1,
            self.check: 1,
        }
        chosen = self.draw.choices(list(actions), list(actions.values()), k=self.draw.randint(1, 4))
        for action in chosen:
            action()

    # --- Commands ---

    def train(self) -> None:
        """Fit anew."""
        run, options = self._model_options()
        named = self._maybe_name()
        options += self._trainer_options(run)
        done = self._command("fit", *named, *options)
        self._expect_results(done, run, self._new_folder(named, "tiny"))

    def train_under_a_taken_name(self) -> None:
        """Fit anew in the folder of a run."""
        run = self.draw.choice(self.runs)
        done = self._command("fit", "--experiment", run.path.name)
        self._expect_refusal(done, rf"{run.path} holds a run\. .*--ckpt_path last.*--experiment")

    def stop(self) -> None:
        """Send SIGTERM to a training, new or gone on with, after its first epoch."""
        if self.runs and self.draw.random() < 0.4:
            run = self.draw.choice(self.runs)
            start = ["--ckpt_path", "last", "--experiment", run.path.name, *self._network(run)]
            start += [f"--model.init_args.loss={run.loss}", f"--checkpoint.monitor={run.monitor}"]
            last = checkpoint(run.path, "last")
        else:
            run, options = self._model_options()
            start = ["--experiment", self._name(), *options]
            run.path = self.experiments / start[1]
            last = checkpoint(run.path, "last")
        before = last.stat().st_mtime_ns if last.exists() else 0
        done = self._command(
            "fit",
            *start,
            "--trainer.max_epochs=100000",
            stop_if=lambda: last.exists() and last.stat().st_mtime_ns > before,
        )
        assert done.code == 128 + signal.SIGTERM, done
        assert re.fullmatch(rf"interrupted: go on with --ckpt_path {last}", done.complained), done
        self._only(done, run.path)
        run.stopped = True
        self._trained(run)

    def go_on(self) -> None:
        """Train a run further in its folder, for no or a few epochs more."""
        run = self.draw.choice(self.runs)
        newest = run is self.runs[-1]
        which = self.draw.choice(["last", "last", "best", checkpoint(run.path, "last")])
        named = ["--experiment", run.path.name]
        if newest and which == "last" and self.draw.random() < 0.5:
            named = []
        epochs = run.epochs + self.draw.randint(0, 2)
        options = self._network(run)
        if self.draw.random() < 0.3:
            options += [f"--model.init_args.learning_rate={self.draw.choice([0.002, 0.02])}"]
        if self.can_reflect and self.draw.random() < 0.3:
            run.symmetric = not run.symmetric
        if self.can_reflect:
            options += [f"--model.init_args.symmetric={str(run.symmetric).lower()}"]
        if self.draw.random() < 0.2:
            # Scores of two measures are not compared: the next epoch is the best so far.
            run.loss = self.draw.choice(["mse", "mae", "huber"])
            run.monitor = self.draw.choice(["val_loss", "val_r2"])
            epochs += 1
        options += [f"--model.init_args.loss={run.loss}", f"--checkpoint.monitor={run.monitor}"]
        done = self._command(
            "fit", "--ckpt_path", which, *named, *options, f"--trainer.max_epochs={epochs}"
        )
        self._expect_results(done, run, str(run.path))
        assert run.epochs == epochs

    def go_on_elsewhere(self) -> None:
        """Go on from the checkpoint of a run in a new folder."""
        run = self.draw.choice(self.runs)
        named = self._maybe_name()
        which = checkpoint(run.path, self.draw.choice(["last", "best"]))
        epochs = run.epochs + self.draw.randint(0, 2)
        copy = Run(Path(), run.wide, run.loss, run.monitor, run.symmetric)
        done = self._command(
            "fit",
            *("--ckpt_path", which, *named, *self._network(run)),
            *self._evaluation(run),
            f"--model.init_args.loss={run.loss}",
            f"--checkpoint.monitor={run.monitor}",
            f"--trainer.max_epochs={epochs}",
        )
        self._expect_results(done, copy, self._new_folder(named, "tiny"))
        assert copy.epochs == epochs

    def go_on_with_another_network(self) -> None:
        """Give an option that contradicts the weights."""
        run = self.draw.choice(self.runs)
        command = self.draw.choice(["fit", "test", "predict", "validate"])
        which = self.draw.choice(["last", "best"])
        named = ["--experiment", run.path.name]
        if self.draw.random() < 0.5:
            named = ["--experiment", self._name()] if self.draw.random() < 0.5 else []
            which = str(checkpoint(run.path, which))
        done = self._command(command, "--ckpt_path", which, *named, self._contradiction(run))
        self._expect_refusal(done, rf"{run.path}/.*ckpt differs from the model\. .*found.*expected")

    def start_from(self) -> None:
        """Begin with the weights of a run."""
        source = self.draw.choice(self.runs)
        places = [checkpoint(source.path), checkpoint(source.path, "last"), source.path]
        if not source.stopped:
            places.append(source.path / "artifacts")
        if source is self.runs[-1]:
            places += [Path("last"), Path("best")]
        run, options = self._model_options(source.wide)
        named = self._maybe_name()
        start = ("--start_from", self.draw.choice(places))
        options += self._trainer_options(run)
        done = self._command("fit", *start, *named, *options)
        self._expect_results(done, run, self._new_folder(named, "tiny"))

    def start_from_another_network(self) -> None:
        """Begin with weights of another network."""
        source = self.draw.choice(self.runs)
        place = self.draw.choice([checkpoint(source.path), source.path])
        named = self._maybe_name()
        done = self._command("fit", "--start_from", place, *named, self._contradiction(source))
        self._expect_refusal(done, r"best.ckpt differs from the model\. .*found.*expected")

    def test(self) -> None:
        """Test a checkpoint, in a folder inside that of its run or in a new one."""
        run, chosen, named = self._choose_checkpoint()
        options, data = [], {}
        if self.draw.random() < 0.4:
            data = {"split": "all-test", **({"test_cases": []} if self._has_cases else {})}
            options = [f"--data.{name}={value}" for name, value in data.items()]
        options += self._network(run) + self._evaluation(run)
        done = self._command("test", *chosen, *named, *options)
        folder = self._folder_of("test", run, named)
        self._expect(done, OUTPUT, rf"plots: +{folder}/plots")
        self._only(done, done.new[0])
        which = self._file_of(run, chosen)
        self._same_results(done.new[0], self._recomputed(which, run.symmetric, **data))

    def predict(self) -> None:
        """Predict files without targets."""
        run, chosen, named = self._choose_checkpoint()
        les = self.bench.root / "les"
        options = [*self._network(run), *self._evaluation(run), "--data.data_path", les]
        done = self._command("predict", *chosen, *named, *options)
        folder = self._folder_of("predict", run, named)
        self._expect(done, ERRORS, rf"\d+ files of predictions in {folder}/predictions")
        self._only(done, done.new[0])
        raw = sorted((les / "raw").iterdir())
        files = sorted((done.new[0] / "predictions").iterdir())
        assert {file.name for file in files} <= {path.name for path in raw} and files
        assert done.complained.startswith(f"{len(files)} files"), done
        surrogate = self._surrogate(self._file_of(run, chosen), run.symmetric)
        for file in files:
            found = self.bench.tiny.read_prediction(file)
            expected = self.bench.tiny.predict(surrogate, les / "raw" / file.name)
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=self.bench.tiny.tolerance)

    def validate(self) -> None:
        """Validate a checkpoint."""
        run, chosen, named = self._choose_checkpoint()
        options = [*self._network(run), *self._evaluation(run)]
        done = self._command("validate", *chosen, *named, *options)
        assert done.code == 0, done
        self._folder_of("validate", run, named)
        self._only(done, done.new[0])

    def reproduce(self) -> None:
        """Feed the configuration of a run back."""
        run = self.draw.choice(self.runs)
        if (run.path / "config_2.yaml").exists() or run.stopped:
            return
        config = yaml.safe_load((run.path / "config.yaml").read_text())
        if config["ckpt_path"]:
            return
        again = Run(Path(), run.wide, run.loss, run.monitor, run.symmetric)
        named = ["--experiment", self._name()]
        expected = results(run.path)
        done = self._command("fit", *named, config=run.path / "config.yaml")
        self._expect_results(done, again, self._new_folder(named, ""))
        assert results(again.path) == expected

    def name_what_is_not_there(self) -> None:
        """Name an experiment or a file that is not there."""
        command = self.draw.choice(["fit", "test", "predict", "validate"])
        missing = self.experiments / "none" / "checkpoints" / "best.ckpt"
        cases: list[tuple[list[Any], str]] = [
            (["--ckpt_path", "best", "--experiment", "none"], "no best.ckpt in experiment none"),
            (["--ckpt_path", missing], f"{missing.parent.parent} does not exist"),
            (["--model.init_args.no_such=1"], "no_such"),
        ]
        if command == "fit":  # the others first ask for a trained network
            cases.append((["--data.ratios=[0.5,0.5,0.5]"], "sum to 1"))
        option, words = self.draw.choice(cases)
        self._expect_refusal(self._command(command, *option), words)

    def check(self) -> None:
        """Read all data; nothing is left behind."""
        done = self._command("check")
        assert done.code == 0, done
        self._only(done, None)

    # --- Options ---

    def _model_options(self, wide: bool | None = None) -> tuple[Run, list[str]]:
        """Draw the options of a model; return what is to be known of a run with them."""
        wide = self.draw.random() < 0.3 if wide is None else wide
        run = Run(Path(), wide, self.loss)
        options = self._network(run)
        if self.draw.random() < 0.4:
            run.loss = self.draw.choice(["mse", "mae", "huber"])
            options.append(f"--model.init_args.loss={run.loss}")
        if self.can_reflect and self.draw.random() < 0.4:
            run.symmetric = True
            options.append("--model.init_args.symmetric=true")
        if self.draw.random() < 0.3:
            rate = self.draw.choice([0.001, 0.003, 0.03])
            options.append(f"--model.init_args.learning_rate={rate}")
        if self.draw.random() < 0.2:
            options.append("--model.init_args.schedule=constant")
        return run, options

    def _trainer_options(self, run: Run) -> list[str]:
        options = [f"--trainer.max_epochs={self.draw.randint(1, 3)}"]
        if self.draw.random() < 0.2:
            options.append("--checkpoint.save_top_k=2")
        if self.draw.random() < 0.2:
            run.monitor = "val_r2"
            options.append(f"--checkpoint.monitor={run.monitor}")
        if self.draw.random() < 0.2:
            options.append("--trainer.gradient_clip_val=1.0")
        return options

    def _network(self, run: Run) -> list[str]:
        """Return the options of the network of a run."""
        return [self.bench.tiny.other] if run.wide else []

    def _contradiction(self, run: Run) -> str:
        """Return the option of the other network."""
        name = self.bench.tiny.other.partition("=")[0]
        own = self.bench.tiny.model["init_args"][name.rpartition(".")[2]]
        return f"{name}={own}" if run.wide else self.bench.tiny.other

    def _evaluation(self, run: Run) -> list[str]:
        """Return the options of the evaluation of a run."""
        value = str(run.symmetric).lower()
        return [f"--model.init_args.symmetric={value}"] if self.can_reflect else []

    def _name(self) -> str:
        self.names += 1
        return f"named{self.names}"

    def _maybe_name(self) -> list[str]:
        return ["--experiment", self._name()] if self.draw.random() < 0.5 else []

    def _choose_checkpoint(self) -> tuple[Run, list[Any], list[str]]:
        """Draw a run, the option that means a checkpoint of it, and the name of an experiment."""
        run = self.draw.choice(self.runs)
        which = self.draw.choice(["best", "last"])
        path = checkpoint(run.path, which)
        ways = [
            (which, ["--experiment", run.path.name]),
            (path, []),
            (path, ["--experiment", run.path.name]),
            (path, ["--experiment", self._name()]),
        ]
        if run is self.runs[-1]:
            ways.append((which, []))
        chosen, named = self.draw.choice(ways)
        return run, ["--ckpt_path", chosen], named

    @staticmethod
    def _file_of(run: Run, chosen: list[Any]) -> Path:
        which = chosen[1]
        return which if isinstance(which, Path) else checkpoint(run.path, which)

    @property
    def _has_cases(self) -> bool:
        return "test_cases" in self.bench.tiny.data


@contextlib.contextmanager
def explained(sequence: Sequence) -> Iterator[None]:
    """Add the commands of a sequence to an error."""
    try:
        yield
    except BaseException as error:
        error.add_note("\n".join([str(sequence.prefix), *sequence.history]))
        raise
