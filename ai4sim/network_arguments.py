"""Lightning modules whose own arguments, on the command line too, are those of one network."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from inspect import Parameter
from typing import Any, TypeVar, get_type_hints

from ai4sim.module import SurrogateModule
from ai4sim.nets import find

Module = TypeVar("Module", bound=SurrogateModule)
SIZES = {"dimensions", "in_channels", "out_channels"}
"""Arguments of a network that follow from the data, like all those without a default."""


def with_network(
    name: str, *, fixed: Mapping[str, Any] | None = None, **defaults: Any
) -> Callable[[type[Module]], type[Module]]:
    """Give a module the arguments of a network, in place of its argument ``net``.

    The module's signature has both those of the network and its own, with types, defaults and the
    texts of their docstrings, for users in Python and for the command line. Where both have an
    argument of one name, the module hands it to the network itself.

    Parameters
    ----------
    name : str
        The short name of the network, see :mod:`ai4sim.nets`.
    fixed : mapping, optional
        Arguments of the network or the module with their only values.
    **defaults
        Defaults other than those of the network or the module.

    Returns
    -------
    callable
        The decorator of a subclass of :class:`~ai4sim.module.SurrogateModule` without a constructor
        of its own. The base's constructor takes ``net``, a specification of the network, which it
        completes by the sizes that follow from the data.
    """
    only = dict(fixed or {})

    def decorate(module: type[Module]) -> type[Module]:
        network = find(name)
        general: Callable[..., None] = module.__init__
        of_module = _arguments(module)
        of_network = {
            argument: parameter
            for argument, parameter in _arguments(network).items()
            if argument not in of_module
            and argument not in SIZES
            and parameter.default is not Parameter.empty
        }
        offered = {**of_network, **of_module}
        for argument, default in defaults.items():
            offered[argument] = offered[argument].replace(default=default)
        chosen = [offered[argument] for argument in offered if argument not in only]
        signature = inspect.Signature(
            [Parameter("self", Parameter.POSITIONAL_OR_KEYWORD), *chosen],
            return_annotation=None,
        )

        def init(self: Module, **given: Any) -> None:
            try:
                bound = signature.bind(self, **given)
            except TypeError as error:
                takes = ", ".join(parameter.name for parameter in chosen)
                raise TypeError(f"{type(self).__name__}: {error}; it takes {takes}") from None
            bound.apply_defaults()
            arguments = {key: value for key, value in bound.arguments.items() if key != "self"}
            everything = {**arguments, **only}
            spec = {"name": name, **{key: everything.pop(key) for key in of_network}}
            general(self, net=spec, **everything)
            self.save_hyperparameters(arguments, ignore=["net"])

        owner = next(base for base in network.__mro__ if "__init__" in vars(base))
        init.__name__, init.__doc__ = "__init__", owner.__doc__
        init.__signature__ = signature  # type: ignore[attr-defined]
        module.__init__ = init  # type: ignore[assignment, method-assign]
        both = (
            f":class:`~{kind.__module__}.{kind.__name__}`" for kind in (owner, module.__mro__[1])
        )
        text = inspect.cleandoc(module.__doc__ or "")
        module.__doc__ = f"{text}\n\nIt takes the arguments of {' and of '.join(both)}."
        return module

    return decorate


def _arguments(kind: type) -> dict[str, Parameter]:
    """Return the parameters of a class, with their types; ``**kwargs`` are those of its base."""
    found: dict[str, Parameter] = {}
    for base in kind.__mro__:
        constructor = vars(base).get("__init__")
        if constructor is None:
            continue
        hints = get_type_hints(constructor)
        own = [p for p in inspect.signature(constructor).parameters.values() if p.name in hints]
        for parameter in own:
            typed = parameter.replace(annotation=hints[parameter.name])
            found.setdefault(parameter.name, typed)
        if not any(parameter.kind is Parameter.VAR_KEYWORD for parameter in own):
            break
    return {
        name: parameter.replace(kind=Parameter.KEYWORD_ONLY)
        for name, parameter in found.items()
        if parameter.kind is not Parameter.VAR_KEYWORD and name not in ("net", "surrogate")
    }
