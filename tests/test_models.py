"""The models of all use cases: each argument of their networks is one of the command line."""

import inspect
import re
from importlib import import_module
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from jsonargparse import ArgumentError, ArgumentParser

from ai4sim.module import SurrogateModule
from ai4sim.nets import find
from ai4sim.network_arguments import SIZES
from sessions.registry import use_cases

FIXED = {"LitConstantBulk": {"features", "layers", "profile"}}
RENAMED = {("LitUnet1D", "grids"): "levels"}
BY_NAME = {"table": "L137", "act": "relu", "phase_speeds": 16}


def models() -> list[type[SurrogateModule]]:
    found = [vars(import_module(u.module_path.split(":")[0])) for u in use_cases().values()]
    classes = [c for names in found for c in names.values() if isinstance(c, type)]
    lit = {c for c in classes if c.__name__.startswith("Lit")}
    return sorted(lit, key=lambda c: (c.__module__, c.__name__))


every_model = pytest.mark.parametrize(
    "model", models(), ids=lambda c: f"{c.__module__}-{c.__name__}"
)


def spec_of(module: SurrogateModule) -> dict[str, Any]:
    """Return the specification of a module's network, of a correction its backbone."""
    spec: dict[str, Any] = module.surrogate.spec["net"]
    return spec.get("backbone", spec)


def parser_of(model: type[SurrogateModule]) -> ArgumentParser:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(model.__mro__[1], "model")
    return parser


def made(model: type[SurrogateModule], *arguments: str) -> SurrogateModule:
    """Make a module as the command line does."""
    parser = parser_of(model)
    config = parser.parse_args([f"--model={model.__module__}.{model.__name__}", *arguments])
    module: SurrogateModule = parser.instantiate(config).model
    return module


def options_of_network(model: type[SurrogateModule]) -> dict[str, inspect.Parameter]:
    own = inspect.signature(model).parameters
    general = inspect.signature(model.__mro__[1]).parameters
    core = inspect.signature(SurrogateModule).parameters
    return {
        name: p
        for name, p in own.items()
        if name not in {**general, **core} and p.kind is not p.VAR_KEYWORD
    }


def other_value(name: str, parameter: inspect.Parameter) -> Any:
    """Return a valid value of an option that is not its default."""
    default, kind = parameter.default, parameter.annotation
    if name in BY_NAME and isinstance(default, str | int) and get_origin(kind) is not Literal:
        return BY_NAME[name]
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    literals = [value for k in kinds if get_origin(k) is Literal for value in get_args(k)]
    if literals:
        return next(value for value in literals if value != default)
    if isinstance(default, bool):
        return not default
    if isinstance(default, int):
        return default // 2 if default % 2 == 0 else 3 if default == 1 else default - 2
    return 0.25


@every_model
def test_every_argument_of_a_network_reaches_it_from_the_command_line(model):
    options = options_of_network(model)
    values = {name: other_value(name, option) for name, option in options.items()}
    arguments = [f"--model.{name}={value}" for name, value in values.items()]
    if "table" in options:
        arguments.append("--model.levels=137")
    changed = spec_of(made(model, *arguments))
    default = spec_of(made(model))
    for name, value in values.items():
        name = RENAMED.get((model.__name__, name), name)
        assert changed[name] == value != default[name]
    if model.__name__ != "LitUnet1D":
        takes = inspect.signature(find(default["name"])).parameters.values()
        expected = {p.name for p in takes if p.default is not p.empty} - SIZES
        expected -= FIXED.get(model.__name__, set()) | {"levels", "structured", "derived"}
        assert options.keys() - {"levels"} == expected


OTHERS = {"max_nodes": 64, "levels": 91, "clear_levels": 5}
SETTINGS = {
    *("symmetric", "match_filter", "teacher", "max_nodes"),  # of evaluation
    *("learning_rate", "weight_decay", "schedule", "warmup", "loss", "huber_delta"),  # of training
    *("augment", "dropout", "channels_last"),
}


@every_model
def test_an_option_is_obeyed_or_contradicts_the_checkpoint_and_is_refused_by_name(model):
    parameters = inspect.signature(model).parameters
    trained = model()
    checkpoint = {"hyper_parameters": dict(trained.hparams)}
    trained.on_save_checkpoint(checkpoint)
    for name, parameter in parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD or name == "table":  # it has its own levels
            continue
        # A U-Net has a few levels of its own, each twice as wide as the one before.
        of_column = name != "levels" or parameter.default in (None, 60, 63, 91, 137)
        other = OTHERS.get(name, parameter.default) if of_column else parameter.default
        value = other if other != parameter.default else other_value(name, parameter)
        changed = model(**{name: value})
        if name in SETTINGS:
            changed.require_checkpoint(checkpoint)
            continue
        with pytest.raises(ValueError, match=rf"\b{RENAMED.get((model.__name__, name), name)}: "):
            changed.require_checkpoint(checkpoint)


@every_model
def test_a_wrong_value_is_refused_by_its_option(model):
    for name, parameter in options_of_network(model).items():
        if parameter.annotation is not str:
            with pytest.raises(ArgumentError, match=rf'key "{name}"|\b{name}\b'):
                made(model, f"--model.init_args.{name}=wrong")


@every_model
def test_every_argument_is_explained(model, capsys):
    with pytest.raises(SystemExit):
        parser_of(model).parse_args([f"--model.help={model.__module__}.{model.__name__}"])
    text = capsys.readouterr().out
    assert inspect.cleandoc(model.__doc__).partition("\n")[0].rstrip(".:") in " ".join(text.split())
    options = re.split(r"\n  --model\.", text)[1:]
    explained = {option.split()[0].split("=")[0]: option for option in options}
    assert set(inspect.signature(model).parameters) - {"kwargs"} <= explained.keys()
    for name, option in explained.items():
        words = " ".join(option.split()[1:])
        explanation = re.sub(r"^(\{[^}]*\}|[A-Z_]+) ", "", words.replace("[ITEM,...]", ""))
        assert not explanation.startswith("(type"), f"{name}: {option}"
        assert "(type:" in explanation and "default:" in explanation


@pytest.mark.parametrize("name", sorted({model.__mro__[1] for model in models()}, key=str))
def test_a_use_case_takes_any_network_by_name(name):
    """``--model FlameModule --model.net.name UNet --model.net.features 8``."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(name, "model")
    network = "AttentionCNN" if name.__name__ == "CorrectionModule" else "MLP"
    network = "EdgeConditionedNet" if name.__name__ == "FlameModule" else network
    width = "hidden_channels" if name.__name__ == "FlameModule" else "features"
    path = f"--model={name.__module__}.{name.__name__}"
    arguments = [path, f"--model.net.name={network}", f"--model.net.{width}=8"]
    module = parser.instantiate(parser.parse_args(arguments)).model
    assert spec_of(module)["name"] == network and spec_of(module)[width] == 8
    assert module.hparams["net"] == {"name": network, width: 8}
    with pytest.raises(ValueError, match=f"unexpected argument 'width'.*{network} takes"):
        wrong = [path, f"--model.net.name={network}", "--model.net.width=8"]
        parser.instantiate(parser.parse_args(wrong))


def test_a_model_has_no_other_arguments():
    from combustion.unets.models import LitUNet3D
    from weather_forecast.gwd.models import LitStressNet
    from wmed.models import LitConstantBulk

    for model, argument in (
        (LitUNet3D, "dimensions"),
        (LitUNet3D, "net"),
        (LitStressNet, "scheme"),
        (LitConstantBulk, "layers"),
    ):
        message = (
            f"{model.__name__}: got an unexpected keyword argument '{argument}'; it takes .*loss"
        )
        with pytest.raises(TypeError, match=message):
            model(**{argument: 2})
        with pytest.raises(ArgumentError, match=argument):
            made(model, f"--model.init_args.{argument}=2")
