"""A Python file with a function that builds the network, and a file with its weights (a state_dict).

The source is a dict, or the path of a small file ``*.model.toml`` or ``*.model.json`` that holds it (paths relative to
that file; :mod:`description_file`)::

    {"factory": "net.py", "function": "build", "weights": "weights.safetensors",
     "classes": ["background", "tumour"], "channels": ["CT"], "spatial_dims": 3, "head": "softmax", "divisor": 16,
     "normalise": "normalise", "preprocessing": [{"z_score": "all"}], "name": "my network",
     "requirements": ["monai>=1.6"]}

``factory``, ``weights`` and ``classes`` are needed; ``head``, ``activation``, ``axes`` and ``output``:
:mod:`description_words`; ``function`` is "build" unless named, a function or a class; ``arguments``: what it is called
with, by name (nothing); ``normalise`` names a function of the same file, float32 ``[C, K, J, I]`` (with "axes": "xyz"
``[C, x, y, z]``) to the same shape; ``preprocessing`` (:mod:`preprocessing_words`) comes before it.
Opening runs the Python file, so it needs consent; consent given as a SHA-256 holds for exactly that content: the file,
what it imports by name from its own folder (:mod:`siblings`), and the functions that are called.  Weights are data and
may change.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path

from ...protocol.errors import DependencyError, ModelError
from ...protocol.explanation import ClassInfo
from ...protocol.untrusted import is_file, named, short
from .. import description_words
from ..consent import refuse_without
from ..descriptions.description_file import is_description, located, read
from ..descriptions.word_checks import assumed_note, checked, refuse_unknown_words
from ..plain import PlainModel
from ..preprocessing.preprocessing_chain import needed
from ..preprocessing.preprocessing_words import Step, steps_of
from ..segmentation_model import ModelKind
from ..weights.state import load_state, put_into
from .siblings import Code, apart, run

NEEDED = ("factory", "weights", "classes")
#: how many files beside the factory a question names
_SHOWN = 5


@dataclass(frozen=True)
class Description:
    """What a source says, checked; nothing has been run."""

    factory: Path
    weights: Path
    classes: tuple[str, ...]
    function: str = "build"
    arguments: dict = field(default_factory=dict)
    channels: tuple[str, ...] = ("image",)
    spatial_dims: int = 3
    head: str | None = None
    activation: str | None = None
    axes: str | None = None
    output: int | str | None = None
    divisor: int = 1
    preprocessing: tuple[Step, ...] = ()
    normalise: str = ""
    name: str = ""
    requirements: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    @staticmethod
    def of(source) -> Description:
        """Raises ModelError for a file that cannot be read or a description that lacks something."""
        data, folder = (source, Path()) if isinstance(source, dict) else (read(source), Path(source).parent)
        with located(data):
            return _understood(data, folder)


def _understood(data, folder):
    known = {f.name for f in fields(Description)}
    refuse_unknown_words(data, known, NEEDED)
    values = checked({key: value for key, value in data.items() if key in known and value is not None})
    _refuse_other_types(values)
    _refuse_bad_requirements(values)
    channels = len(values.get("channels", ("image",)))
    values["preprocessing"] = steps_of(values.get("preprocessing"), values.get("spatial_dims", 3), channels)
    for key in ("factory", "weights"):
        values[key] = folder / values[key]
        if not is_file(values[key]):
            raise ModelError(
                f"The model's {key} file '{named(values[key])}' is not there.",
                "It was moved or deleted, or the description names another place.",
                word=key,
            )
    return Description(**values)


#: a package name with an optional extra and version bounds; no address, nothing Slicer brings itself
_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w, .-]+\])?\s*((==|>=|<=|!=|~=|<|>)\s*[\w.*]+\s*,?\s*)*")
_SLICERS_OWN = {"numpy", "scipy", "simpleitk", "vtk", "pip", "setuptools", "torch"}


def _refuse_other_types(values):
    """Words where a word must stand, whole numbers where a number must: as the fields say."""
    for f in fields(Description):
        kind = {"str": str, "int": int, "Path": (str, Path), "dict": dict}.get(f.type)
        value = values.get(f.name)
        if kind and value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            what = {int: "a whole number", dict: "a table of names and values"}.get(kind, "a word")
            raise ModelError(f"The model's description must hold {f.name} as {what}.", "Correct it.", word=f.name)
    if values.get("divisor", 1) < 1:
        raise ModelError("The description's divisor is not above 0.", "1 means that any size will do.", word="divisor")


def _refuse_bad_requirements(values):
    """Requirements that pip could not read or that Slicer brings."""
    for requirement in values.get("requirements", ()):
        name = re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0].lower()
        if not _REQUIREMENT.fullmatch(requirement.strip()) or name in _SLICERS_OWN:
            raise ModelError(
                f"The model's description asks for the package {short(repr(requirement))}, which is not allowed.",
                "Name packages as 'monai>=1.6'; no addresses, and nothing that comes with Slicer or the engine.",
                word="requirements",
            )


class _FactoryKind(ModelKind):
    """Recognises the dict and a description's file; reads only, until ``open`` is called with consent."""

    name = "factory"
    title = "Python file and weights"
    order = 90

    def recognises(self, source) -> bool:
        return "factory" in source if isinstance(source, dict) else is_description(source)

    def requirements(self, source) -> tuple[str, ...]:
        about = Description.of(source)
        reader = ("safetensors",) if about.weights.suffix == ".safetensors" else ()
        return (*dict.fromkeys((*about.requirements, *needed(about.preprocessing))), *reader)

    def runs_author_code(self, source) -> str:
        about = Description.of(source)
        return _question(about, Code.of(about.factory))

    def consent_hash(self, source) -> str:
        """SHA-256 of the Python file, of what it imports from its folder, and of the functions that are called unless
        they are the usual ones: what a remembered consent is bound to."""
        about = Description.of(source)
        return _digest(about, Code.of(about.factory))

    def files(self, source) -> tuple[Path, ...]:
        about = Description.of(source)
        beside = Code.of(about.factory).paths
        return (about.factory, about.weights, *(() if isinstance(source, dict) else (Path(source),)), *beside)

    def classes(self, source) -> tuple[ClassInfo, ...]:
        about = Description.of(source)
        return description_words.class_infos(about.classes, about.head)

    def channels(self, source) -> tuple[str, ...]:
        return Description.of(source).channels

    def open(self, source, consent: bool | str = False) -> PlainModel:
        """consent: True, or the SHA-256 that was agreed to. Raises ConsentError, ModelError, DependencyError."""
        about = Description.of(source)
        code = Code.of(about.factory)  # read once: what is hashed is what runs
        digest = _digest(about, code)
        refuse_without(consent, digest, _question(about, code))
        state = load_state(about.weights)  # refused weights are refused before any code runs
        with apart(about.factory.parent):
            with authors_code(about.factory.name):
                module = run(code, digest)
            network = _called(module, about, about.factory.name)
        loading = put_into(network, state, about.weights.name)
        normalise = _function(module, about.normalise, about.factory.name) if about.normalise else None
        model = PlainModel(
            network.eval(),
            about.classes,
            channels=about.channels,
            spatial_dims=about.spatial_dims,
            head=about.head,
            activation=about.activation,
            axes=about.axes,
            output=about.output,
            preprocessing=about.preprocessing,
            normalise=normalise,
            divisor=about.divisor,
            name=about.name or f"network {digest[:8]}",
        )
        model.kind, model.loading = self.name, (*loading, *assumed_note(about.assumed))
        return model


def _digest(about, code):
    called = f"function {about.function}" if about.function != Description.function else ""
    given = f"arguments {json.dumps(about.arguments, sort_keys=True, default=repr)}" if about.arguments else ""
    return code.digest(called, about.normalise and f"normalise {about.normalise}", given)


def _question(about, code):
    called = [name for name in (about.function, about.normalise) if name and name != Description.function]
    calls = f" and calls {', '.join(repr(short(name, 60)) for name in called)}" if called else ""
    if about.arguments:
        calls += f" with {short(', '.join(f'{key}={value!r}' for key, value in about.arguments.items()), 120)}"
    beside = [name for name, content in code.modules.items() if content]
    listed = ", ".join(f"'{name}'" for name in beside[:_SHOWN]) + (", ..." if len(beside) > _SHOWN else "")
    return (
        f"Opening this model runs the Python file '{named(about.factory)}'"
        f"{f' and {len(beside)} beside it ({listed})' if beside else ''} "
        f"(SHA-256 {_digest(about, code)[:12]}){calls} with all your rights."
    )


def _function(module, wanted, name):
    found = getattr(module, wanted, None)
    if not callable(found):
        raise ModelError(f"The file '{name}' has no function '{wanted}'.", "Name one that it defines.")
    return found


def _called(module, about, name):
    import torch

    build = _function(module, about.function, name)
    with authors_code(name):
        network = build(**about.arguments)
    if not isinstance(network, torch.nn.Module):
        raise ModelError(
            f"'{about.function}' in '{name}' returned a {type(network).__name__}, not a torch.nn.Module.",
            "Let it take no argument and return the network.",
        )
    return network


@contextmanager
def authors_code(name):
    """Turns whatever the author's code raises into one sentence; a missing library into its own kind of error."""
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except ModuleNotFoundError as error:
        missing = (error.name or "a library").partition(".")[0]
        more = " (beside the file, only what it imports by name is found)"
        raise DependencyError.of(f"The file '{name}'", missing, more=more) from error
    except BaseException as error:  # also sys.exit() in the file: it must not end the worker
        line = str(error).splitlines()[0][:200] if str(error) else ""
        raise ModelError(
            f"The file '{name}' failed: {type(error).__name__}{': ' if line else ''}{line}.",
            "Ask its author, or correct it.",
        ) from error


KIND = _FactoryKind()
