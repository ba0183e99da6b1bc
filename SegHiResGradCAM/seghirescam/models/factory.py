"""A Python file with a function that builds the network, and a file with its weights (a state_dict).

The source is a dict, or the path of a small JSON file ``*.model.json`` that holds it (paths relative to that file)::

    {"factory": "net.py", "function": "build", "weights": "weights.safetensors",
     "classes": ["background", "tumour"], "channels": ["CT"], "spatial_dims": 3, "head": "softmax", "divisor": 16,
     "normalise": "normalise", "name": "my network", "requirements": ["monai>=1.6"]}

``factory``, ``weights`` and ``classes`` are needed; ``head``, ``activation``, ``axes`` and ``output``: :mod:`words`;
``function`` is "build" unless named; ``normalise`` names a function of the same file, float32 ``[C, K, J, I]`` (with
"axes": "xyz" ``[C, x, y, z]``) to the same shape.  Opening runs the Python file, so it needs consent; consent given as
a SHA-256 holds for exactly that content.  The file's folder is not searched for further modules: what it imports must
be installed.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import types
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from ..errors import DependencyError, ModelError, SegHiResCamError
from ..protocol import ClassInfo
from . import words
from .plain import PlainModel
from .state import load_state, put_into

SUFFIX = ".model.json"


class ConsentError(SegHiResCamError, RuntimeError):
    """Opening would run the model author's code and nobody has said yes to this content."""

    code = "consent"


@dataclass(frozen=True)
class Description:
    """What a source says, checked; nothing has been run."""

    factory: Path
    weights: Path
    classes: tuple[str, ...]
    function: str = "build"
    channels: tuple[str, ...] = ("image",)
    spatial_dims: int = 3
    head: str | None = None
    activation: str | None = None
    axes: str | None = None
    output: int | str | None = None
    divisor: int = 1
    normalise: str = ""
    name: str = ""
    requirements: tuple[str, ...] = ()

    @staticmethod
    def of(source) -> Description:
        """Raises ModelError for a file that cannot be read or a description that lacks something."""
        data, folder = (source, Path()) if isinstance(source, dict) else (_read_json(Path(source)), Path(source).parent)
        known = {f.name for f in fields(Description)}
        missing = [key for key in ("factory", "weights", "classes") if not data.get(key)]
        unknown = [key for key in data if key not in known and key != "format"]
        if missing or unknown:
            what = f"lacks {', '.join(missing)}" if missing else f"holds the unknown words {', '.join(unknown)}"
            raise ModelError(f"The model's description {what}.", f"Known words: {', '.join(sorted(known))}.")
        values = {key: value for key, value in data.items() if key in known and value is not None}
        for key in ("classes", "channels", "requirements"):
            if key in values:
                if not isinstance(values[key], (list, tuple)) or not all(isinstance(v, str) for v in values[key]):
                    raise ModelError(f"The model's description must hold {key} as a list of words.", "Correct it.")
                values[key] = tuple(values[key])
        _refuse_bad_words(values)
        for key in ("factory", "weights"):
            values[key] = folder / values[key]
            if not values[key].is_file():
                raise ModelError(
                    f"The model's {key} file '{values[key].name}' is not there.",
                    "It was moved or deleted, or the description names another place.",
                )
        return Description(**values)


#: a package name with an optional extra and version bounds; no address, nothing Slicer brings itself
_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w, .-]+\])?\s*((==|>=|<=|!=|~=|<|>)\s*[\w.*]+\s*,?\s*)*")
_SLICERS_OWN = {"numpy", "scipy", "simpleitk", "vtk", "pip", "setuptools", "torch"}


def _refuse_bad_words(values):
    """Words with wrong values, class names that repeat, requirements that pip could not read or that Slicer brings."""
    words.refuse_unknown(**{word: values.get(word) for word in words.WORDS})
    if len({name.strip().lower() for name in values["classes"]}) != len(values["classes"]):
        raise ModelError("Two classes of the model's description have the same name.", "Name them apart.")
    for requirement in values.get("requirements", ()):
        name = re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0].lower()
        if not _REQUIREMENT.fullmatch(requirement.strip()) or name in _SLICERS_OWN:
            raise ModelError(
                f"The model's description asks for the package {requirement!r}, which is not allowed.",
                "Name packages as 'monai>=1.6'; no addresses, and nothing that comes with Slicer or the engine.",
            )


class _FactoryKind:
    """Recognises the dict and ``*.model.json``; reads only, until ``open`` is called with consent."""

    name = "factory"

    def recognises(self, source) -> bool:
        return "factory" in source if isinstance(source, dict) else str(source).endswith(SUFFIX)

    def requirements(self, source) -> tuple[str, ...]:
        about = Description.of(source)
        reader = ("safetensors",) if about.weights.suffix == ".safetensors" else ()
        return (*about.requirements, *reader)

    def runs_author_code(self, source) -> str:
        about = Description.of(source)
        return (
            f"Opening this model runs the Python file '{about.factory.name}' "
            f"(SHA-256 {self.consent_hash(source)[:12]}) with all your rights."
        )

    def consent_hash(self, source) -> str:
        """SHA-256 of the Python file: what a remembered consent is bound to."""
        return hashlib.sha256(_read(Description.of(source).factory)).hexdigest()

    def files(self, source) -> tuple[Path, ...]:
        """Files whose change makes it another model."""
        about = Description.of(source)
        return (about.factory, about.weights, *(() if isinstance(source, dict) else (Path(source),)))

    def classes(self, source) -> tuple[ClassInfo, ...]:
        about = Description.of(source)
        return tuple(ClassInfo(i, name) for i, name in enumerate(words.class_names(about.classes, about.head)))

    def channels(self, source) -> tuple[str, ...]:
        return Description.of(source).channels

    def open(self, source, consent: bool | str = False) -> PlainModel:
        """consent: True, or the SHA-256 that was agreed to. Raises ConsentError, ModelError, DependencyError."""
        about = Description.of(source)
        code = _read(about.factory)  # read once: what is hashed is what runs
        digest = hashlib.sha256(code).hexdigest()
        if consent is not True and consent != digest:
            raise ConsentError(
                self.runs_author_code(source), "Nothing was run. Agree only if you trust its author.", sha256=digest
            )
        state = load_state(about.weights)  # refused weights are refused before any code runs
        module = _run(code, about.factory.name, digest)
        network = _called(module, about.function, about.factory.name)
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
            normalise=normalise,
            divisor=about.divisor,
            name=about.name or f"network {digest[:8]}",
        )
        model.kind, model.loading = self.name, loading
        return model


def _read_json(path):
    try:
        data = json.loads(_read(path).decode("utf-8"))
    except ValueError as error:
        raise ModelError(f"'{path.name}' is no JSON file: {error}.", "Correct it, or write it again.") from error
    if not isinstance(data, dict):
        raise ModelError(f"'{path.name}' must hold one JSON object.", "Correct it, or write it again.")
    return data


def _read(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"'{path.name}' cannot be read: {error.strerror or type(error).__name__}.", "Check that it is still there."
        ) from error


def _run(code, name, digest):
    """The file as a module. Its folder stays unknown to the import system and to tracebacks."""
    module = types.ModuleType(f"seghirescam_factory_{digest[:12]}")
    module.__file__ = name
    sys.modules[module.__name__] = module  # dataclasses and typing look modules up here
    with _author(name):
        exec(compile(code, name, "exec", dont_inherit=True), module.__dict__)
    return module


def _function(module, wanted, name):
    found = getattr(module, wanted, None)
    if not callable(found):
        raise ModelError(f"The file '{name}' has no function '{wanted}'.", "Name one that it defines.")
    return found


def _called(module, function, name):
    import torch

    build = _function(module, function, name)
    with _author(name):
        network = build()
    if not isinstance(network, torch.nn.Module):
        raise ModelError(
            f"'{function}' in '{name}' returned a {type(network).__name__}, not a torch.nn.Module.",
            "Let it take no argument and return the network.",
        )
    return network


@contextmanager
def _author(name):
    """Turns whatever the author's code raises into one sentence; a missing library into its own kind of error."""
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except ModuleNotFoundError as error:
        missing = (error.name or "a library").partition(".")[0]
        raise DependencyError(
            f"The file '{name}' needs '{missing}', which is not installed.",
            f"Install it: python -m pip install {missing} (modules beside the file are not found).",
        ) from error
    except BaseException as error:  # also sys.exit() in the file: it must not end the worker
        line = str(error).splitlines()[0][:200] if str(error) else ""
        raise ModelError(
            f"The file '{name}' failed: {type(error).__name__}{': ' if line else ''}{line}.",
            "Ask its author, or correct it.",
        ) from error


KIND = _FactoryKind()
