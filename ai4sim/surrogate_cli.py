"""Lightning's commands of every use case, plus an experiment folder per run."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.fabric.plugins import ClusterEnvironment
from lightning.pytorch.callbacks import Callback, StochasticWeightAveraging, WeightAveraging
from lightning.pytorch.cli import (
    ArgsType,
    LightningArgumentParser,
    LightningCLI,
)
from lightning.pytorch.utilities.exceptions import SIGTERMException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ai4sim import configuration, launch, measures
from ai4sim.callbacks import (
    BestCheckpoint,
    FurtherCheckpoints,
    LastCheckpoint,
    PatientStopping,
    PredictionFiles,
    SaveProvenance,
    ValidationCurve,
    mode_of,
)
from ai4sim.check import CheckingTrainer
from ai4sim.checkpoints import find_weights, kept_checkpoint
from ai4sim.complaints import Parser, explain_errors
from ai4sim.experiment import (
    CHECKPOINT_SUFFIX,
    Experiment,
    abandon,
    begun_by_job,
    create,
    find_checkpoint,
    taken,
)
from ai4sim.interruption import Interruption
from ai4sim.io.files import missing_file_error
from ai4sim.precision import affordable
from ai4sim.use_case import UseCase
from ai4sim.weights import read_file

log = logging.getLogger(__name__)


class SurrogateCLI(LightningCLI):
    """LightningCLI whose runs each own a folder ``experiments/<name>/``.

    ``fit`` ends with a test of the best checkpoint and the export of its weights. ``--ckpt_path
    last`` (or ``best``) means that of the experiment named by ``--experiment``, by default of the
    newest one; with ``fit`` the run then goes on in the same folder. ``fit --start_from`` begins a
    new run with the weights of another one.

    A folder is one run: ``fit`` refuses one that holds a run, unless it goes on with it, and
    ``test``, ``validate`` and ``predict`` of an experiment have folders of their own inside it.
    With ``--ckpt_path``, options of the model that are not given are those of the checkpoint; those
    that are given win, and what contradicts the weights is refused.
    """

    experiment: Experiment

    def __init__(
        self, *args: Any, use_case: UseCase, experiments_path: Path, **kwargs: Any
    ) -> None:
        self.use_case, self.experiments_path = use_case, experiments_path
        self._begun: Experiment | None = None
        self._started = time.monotonic()
        self._untested: str | None = None
        args_given = kwargs.get("args")
        words = sys.argv[1:] if args_given is None else args_given
        named = set(words) & set(self.subcommands()) if isinstance(words, list) else set()
        self._named = named or set(self.subcommands())
        try:
            super().__init__(*args, **kwargs)
        finally:
            if hasattr(self, "experiment"):
                abandon(self.experiment)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the experiment's name, where to start, the two callbacks of every training."""
        parser.add_argument(
            "--experiment",
            type=str | None,
            default=None,
            help="Name of the experiment folder (default: date, time and name of the config file).",
        )
        # Known to every command, so that each reads the configuration of a training run.
        parser.add_argument(
            "--start_from",
            type=str | None,
            default=None,
            help="Trained weights, with their normalisation, that `fit` begins with: a checkpoint, "
            "an experiment folder, a folder of artifacts, or 'best' or 'last' of the newest "
            "experiment. The model must be the same.",
        )
        measures.add_options(parser)
        parser.add_lightning_class_args(BestCheckpoint, "checkpoint")
        parser.add_lightning_class_args(PatientStopping, "early_stopping")
        parser.set_defaults(
            {
                "checkpoint.monitor": "val_loss",
                "checkpoint.filename": "best",
                "checkpoint.save_top_k": 1,
                "checkpoint.enable_version_counter": False,
                "early_stopping.monitor": "val_loss",
                "early_stopping.patience": 50,
                # A run that was stopped between an epoch and its validation goes on after both.
                "early_stopping.strict": False,
                "trainer.use_distributed_sampler": False,
                "trainer.log_every_n_steps": 10,
            }
        )

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Return the commands, and the arguments of each that no option sets."""
        return {**LightningCLI.subcommands(), "check": {"model", "datamodule", "json"}}

    def _prepare_subcommand_parser(
        self, klass: type, subcommand: str, **kwargs: Any
    ) -> LightningArgumentParser:
        if subcommand not in self._named:  # the options of a command take a third of a second
            return self.init_parser(**kwargs)
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        # Checkpoints are read without unpickling code; predictions go to files, not into memory.
        if subcommand == "check":
            parser.add_argument(
                "--json", action="store_true", help="Print a report in JSON instead of tables."
            )
            return parser
        defaults: dict[str, bool] = {"weights_only": True}
        if subcommand == "predict":
            defaults["return_predictions"] = False
        parser.set_defaults(defaults)
        return parser

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Resolve ``last`` and ``best`` before Lightning reads parameters from the checkpoint."""
        super().parse_arguments(parser, args)
        self._arguments = args if isinstance(args, list) else sys.argv[1:]
        config = self.config[self.config.subcommand]
        self._resumed = False
        if self.config.subcommand == "fit":
            self._find_begun(config)
        # A run that goes on finds its weights in its own checkpoint.
        fits_anew = self.config.subcommand == "fit" and not config.ckpt_path
        self._starts = fits_anew and config.start_from is not None
        if self._starts:
            config.start_from = str(find_weights(self.experiments_path, config.start_from))
        command, in_loop = str(self.config.subcommand), config.in_loop
        measures.require(command, self._arguments, in_loop, self.use_case)
        if self.config.subcommand == "check":
            return
        if not config.ckpt_path:
            return
        which = config.ckpt_path
        if which in ("last", "best"):
            path = find_checkpoint(self.experiments_path, which, config.experiment)
            log.info("%s.ckpt of experiment %s", which, path.parents[1].name)
        else:
            path = Path(which).expanduser()
            if not path.is_file():
                raise missing_file_error(path)
        path = path.resolve()
        named = self.experiments_path.resolve() / (config.experiment or "")
        of_named = bool(config.experiment) and path.parents[1] == named
        goes_on = which in ("last", "best") or of_named or self._begun is not None
        self._resumed = self.config.subcommand == "fit" and goes_on
        self._use_checkpoint(parser, args, path)

    def _find_begun(self, config: Namespace) -> None:
        """Let a training go on whose job of SLURM runs again, in its folder."""
        inherited = launch.inherited(os.environ)
        begun = begun_by_job(self.experiments_path, os.environ)
        self._begun = begun = Experiment(Path(inherited)) if begun and inherited else begun
        if begun is None:
            return
        last = begun.checkpoints / f"last{CHECKPOINT_SUFFIX}"
        if last.is_file():
            config.ckpt_path = str(last)
            log.info("its job was queued again: the training goes on from %s", last)
        else:
            log.info("its job was queued again: the training of %s begins anew", begun.path)

    def _use_checkpoint(self, parser: LightningArgumentParser, args: ArgsType, path: Path) -> None:
        """Parse again, with the options of the checkpoint's model as defaults.

        Raises
        ------
        ValueError
            The configuration names another model.
        """
        command = self.config.subcommand
        configured = self.config[command].model.class_path
        options = dict(read_file(path).get("hyper_parameters", {}))
        options.pop("_instantiator", None)
        kind = options.pop("_class_path", configured)
        if kind.rpartition(".")[2] != configured.rpartition(".")[2]:
            raise ValueError(
                f"{path}: its model is {kind}, that of the configuration is {configured}. Expected "
                "the same: choose the configuration that the checkpoint was trained with, or "
                "another checkpoint"
            )
        default = {"class_path": configured, "init_args": options}
        self._parser(command).set_defaults({"model": default})
        super().parse_arguments(parser, args)
        config = self.config[command]
        config.ckpt_path = str(path)
        for name, value in options.items():
            given = config.model.init_args.get(name, value)
            if given != value:
                log.info("model.init_args.%s: %s, of the checkpoint %s", name, given, value)

    def _parse_ckpt_path(self) -> None:
        """Do nothing: Lightning would let the options of the checkpoint win."""

    def before_instantiate_classes(self) -> None:
        """Choose the experiment folder and point checkpoints and logs into it."""
        config = self.config[self.subcommand]
        if self.subcommand == "check":  # it leaves nothing behind
            config.trainer.logger = False
            self.save_config_kwargs = {"text": ""}
            return
        trainer = config.trainer
        trainer.callbacks = configuration.plain(trainer.callbacks)
        as_given = configuration.feedable(self._parser(self.subcommand), config)
        # What cannot be is refused before there is a folder.
        configuration.require_possible(str(self.subcommand), config, os.environ)
        trainer.precision = affordable(trainer.precision, trainer.accelerator, self._arguments)
        for group in ("checkpoint", "early_stopping"):
            config[group].mode = mode_of(group, config[group].monitor, config[group].mode)
        self.experiment = self._folder()
        launch.pass_on(str(self.experiment.path))
        tasks_and_nodes = launch.layout(os.environ)
        if tasks_and_nodes and trainer.devices == "auto":
            trainer.devices, trainer.num_nodes = tasks_and_nodes
        trainer.default_root_dir = str(self.experiment.path)
        self._keep_more(config.checkpoint)
        config.checkpoint.dirpath = str(self.experiment.checkpoints)
        trainer.logger = configuration.with_folders(trainer.logger, self.experiment.path)
        resumed = self._resumed or self._begun is not None
        self.save_config_kwargs = {"text": as_given, "resumed": resumed, "overwrite": True}

    def _keep_more(self, config: Namespace) -> None:
        """Give other settings of checkpoints a callback of their own, beside ``best.ckpt``."""
        parser = self._parser(self.subcommand)
        defaults = {name: parser.get_default(f"checkpoint.{name}") for name in config.keys()}
        given = {**config.as_dict(), "enable_version_counter": True}
        # Every run keeps its last checkpoint.
        for name in ("monitor", "mode", "verbose", "enable_version_counter", "save_last"):
            defaults.pop(name)
        given["save_last"] = config.save_last = None
        if all(given[name] == default for name, default in defaults.items()):
            return
        if given["filename"] == "last":
            raise ValueError("--checkpoint.filename=last: expected another name, runs write last")
        if given["filename"] == "best":
            given["filename"] = None  # epoch and step
        given["dirpath"] = given["dirpath"] or str(self.experiment.checkpoints)
        callbacks = [*self.trainer_defaults["callbacks"], FurtherCheckpoints(**given)]
        self.trainer_defaults = {**self.trainer_defaults, "callbacks": callbacks}
        config.update(Namespace(**defaults))

    def _folder(self) -> Experiment:
        """Return the folder of this run.

        Raises
        ------
        FileExistsError
            It holds another run.
        """
        config = self.config[self.subcommand]
        inherited = launch.inherited(os.environ)
        if inherited:
            return Experiment(Path(inherited))
        if self._begun:
            return self._begun
        if self._resumed:
            return Experiment(Path(config.ckpt_path).parents[1])
        if config.experiment:
            named = Experiment(self.experiments_path.resolve() / config.experiment)
            if not named.holds_run:
                named.path.mkdir(parents=True, exist_ok=True)
                return named
            if self.subcommand == "fit":
                raise taken(named)
            return create(named.path, str(self.subcommand))
        stem = Path(str(config.config[0])).stem if config.get("config") else "default"
        title = stem if self.subcommand == "fit" else f"{stem}-{self.subcommand}"
        return create(self.experiments_path, title)

    def instantiate_trainer(self, **kwargs: Any) -> Any:
        """Make the trainer, for the processes that a launcher has started."""
        environment = launch.cluster_environment()
        given = self._get(self.config_init, "trainer.plugins") or []
        given = given if isinstance(given, list) else [given]
        if environment and not any(isinstance(one, ClusterEnvironment) for one in given):
            kwargs["plugins"] = [*given, environment]
        return super().instantiate_trainer(**kwargs)

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        given = super()._prepare_subcommand_kwargs(subcommand)
        return {**given, "json": self.config.check.json} if subcommand == "check" else given

    def after_instantiate_classes(self) -> None:
        """Take over the weights that training starts from; compare model and checkpoint."""
        checkpoint = self.config[self.subcommand].get("ckpt_path")
        if checkpoint:
            found = read_file(Path(checkpoint))
            self.model.require_checkpoint(found, checkpoint)
            if "members" in found["surrogate"]["spec"] and self.subcommand in ("fit", "validate"):
                raise ValueError(
                    f"{checkpoint} is an ensemble, which {self.subcommand} does not take: test and "
                    "predict do, and its members are single networks"
                )
        if self._starts:
            path = self.config[self.subcommand].start_from
            self.model.start_from(path)
            log.info("training starts from %s", path)

    def after_fit(self) -> None:
        """Test the best checkpoint, and export it for use without Lightning.

        Raises
        ------
        ArithmeticError
            The training diverged: there are no finite weights.
        """
        callbacks: list[Any] = self.trainer.callbacks  # type: ignore[attr-defined]
        # What is left is done again as a whole: a job that did nothing else would never end.
        advanced = any(c.advanced for c in callbacks if isinstance(c, Interruption))
        launch.heed_warnings(again=advanced)
        if self.trainer.interrupted or self.trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        best = self._get(self.config_init, "checkpoint").best_model_path
        kept = kept_checkpoint(self.experiment, best, self.trainer.global_step)
        if kept is None:
            log.warning("nothing was trained, so nothing is tested and exported")
            return
        # What is in the file, and not what callbacks that average weights have in memory.
        checkpoint = read_file(kept)
        self.model.load_state_dict(checkpoint["state_dict"])
        self.model.on_load_checkpoint(checkpoint)
        averaging = WeightAveraging | StochasticWeightAveraging
        trainer: Any = self.trainer
        trainer.callbacks = [c for c in trainer.callbacks if not isinstance(c, averaging)]
        log.info("%s is tested and exported", kept)
        if self._untested is None:
            self.trainer.test(self.model, datamodule=self.datamodule)
        if self.trainer.is_global_zero:
            loader = (
                self.datamodule.test_dataloader
                if self._untested is None
                else self.datamodule.train_dataloader
            )
            # Other programs get float32, whatever the training was in.
            self.model.float().eval()
            self.model.export(self.experiment.artifacts, next(iter(loader())))
        if self._untested is None:
            self._report()
        else:
            log.warning("not tested: %s", self._untested)
        if self.trainer.is_global_zero:
            checkpoint = self._get(self.config_init, "checkpoint")
            seconds = time.monotonic() - self._started
            measures.note_training(self.experiment, checkpoint, self.trainer.current_epoch, seconds)

    def before_fit(self) -> None:
        """Know before the training whether there is anything to test."""
        if self.trainer.limit_test_batches == 0:
            self._untested = "--trainer.limit_test_batches=0"
            return
        try:
            self.datamodule.files("test")
        except ValueError as error:
            self._untested = str(error)
            log.warning("the run will not be tested: %s", error)

    def after_test(self) -> None:
        """Show the results."""
        self._report()

    def _report(self) -> None:
        from ai4sim.report import print_results

        if not self.trainer.is_global_zero:
            return
        config = self.config[self.subcommand]
        tested = config.ckpt_path if self.subcommand == "test" else None
        measures.measure(self, config, Path(tested or self.experiment.artifacts))
        print_results(self.experiment)


def _command(args: ArgsType) -> str:
    """Return the first word of a command line."""
    words = sys.argv[1:] if args is None else args
    return str(words[0]) if isinstance(words, list) and words else ""


def _quieten() -> None:
    """Drop what Lightning says that no user of these commands can act on."""
    warnings.filterwarnings("ignore", message=".*LeafSpec", module="lightning")
    # This package starts the processes as SLURM has laid them out, and says what is missing.
    warnings.filterwarnings("ignore", message="The `srun` command is available")
    # They are of all processes already.
    logged = r"It is recommended to use `self\.log\('val_(loss|r2)'"
    warnings.filterwarnings("ignore", message=logged)
    # Without validations the end of the training says that there is no best checkpoint.
    warnings.filterwarnings("ignore", message=".*could not find the monitored key")
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(_is_no_advertisement)


def _is_no_advertisement(record: logging.LogRecord) -> bool:
    return "litlogger" not in record.getMessage()


def run(use_case: UseCase, experiments: Path, args: ArgsType = None) -> SurrogateCLI:
    """Run a command of Lightning, or ``check``.

    Parameters
    ----------
    use_case : UseCase
    experiments : Path
        The folder of the experiment folders.
    args : list of str, optional
        The command line; default ``sys.argv[1:]``.
    """
    _quieten()
    launch.heed_warnings(again=_command(args) == "fit")
    interruption = Interruption()
    explain_errors(use_case.module_path.partition(".")[0])
    try:
        return SurrogateCLI(**cli_arguments(use_case, experiments, args, interruption))
    except SystemExit as end:
        # As of any process that the signal ends; Lightning exits with 1 after CTRL-C.
        if isinstance(end, SIGTERMException):
            stopped_by_hand = interruption.heard == signal.SIGINT
            end.code = 128 + (signal.SIGINT if stopped_by_hand else signal.SIGTERM)
            interruption.requeue()
        elif isinstance(end.__context__, KeyboardInterrupt):
            end.code = 128 + signal.SIGINT
        raise
    except OmegaConfBaseException as error:
        raise SystemExit(f"error: {error}") from error


def cli_arguments(
    use_case: UseCase, experiments: Path, args: ArgsType, *callbacks: Callback
) -> dict[str, Any]:
    """Return the arguments of Lightning's command line for a use case, with more callbacks."""
    configuration.let_folders_be_left_out()
    OmegaConf.register_resolver(
        "use_case", lambda path="": str((use_case.root / path).resolve()), replace=True
    )
    return {
        "model_class": use_case.module,
        "datamodule_class": use_case.datamodule,
        "use_case": use_case,
        "experiments_path": experiments,
        "trainer_class": CheckingTrainer,
        "parser_class": Parser,
        "subclass_mode_model": True,
        "save_config_callback": SaveProvenance,
        "parser_kwargs": {"parser_mode": "omegaconf"},
        "trainer_defaults": {
            "callbacks": [*callbacks, LastCheckpoint(), ValidationCurve(), PredictionFiles()]
        },
        "auto_configure_optimizers": False,
        "args": args,
    }
