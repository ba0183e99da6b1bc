"""A network of MONAI by name and arguments, and a file with its weights: data only, nothing of anybody's code runs.

The source is a dict, or the path of a ``*.model.toml`` or ``*.model.json`` file that holds it (paths relative to that
file; :mod:`description_file`)::

    {"monai": "DynUNet", "arguments": {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, ...},
     "weights": "weights.safetensors", "classes": ["background", "tumour"], "channels": ["CT"], "head": "softmax",
     "window": [96, 96, 96], "overlap": 0.5, "mode": "gaussian", "name": "my network",
     "preprocessing": [{"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"}, ...]}

``monai``, ``arguments``, ``weights`` and ``classes`` are needed; ``head``, ``activation``, ``axes`` and ``output``:
:mod:`description_words`.  ``window`` (with ``overlap`` 0.25, ``mode``
"constant", ``sigma_scale``, ``padding_mode``, ``cval``) means MONAI's sliding windows; without it the volume goes
through in one piece, padded to multiples of ``divisor`` (found from the arguments unless given).  Window and divisor
follow the network's axes: MONAI's x, y, z unless ``axes`` is "zyx".  ``preprocessing``: MONAI transforms as a bundle
lists them, or the steps of :mod:`preprocessing_words`, not both.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

from ...protocol.errors import ModelError
from ...protocol.explanation import ClassInfo
from ...protocol.untrusted import is_file, named, short
from .. import description_words
from ..axes import MONAI, Axes
from ..descriptions.description_file import is_description, located, read
from ..descriptions.word_checks import assumed_note, checked, refuse_unknown_words, seen
from ..monai_library import requirements
from ..preprocessing.preprocessing_chain import needed
from ..preprocessing.preprocessing_words import Step, steps_of
from ..segmentation_model import ModelKind
from ..weights.state import load_state, put_into
from .bundle_config import NETWORKS, Component, Parts, read_as_data
from .monai_model import MonaiModel, per_axis
from .monai_parts import build_chain, build_network, divisor_of, fixed_size, network_arguments, windows_of

NEEDED = ("monai", "arguments", "weights", "classes")
_WINDOW_WORDS = ("overlap", "mode", "sigma_scale", "padding_mode", "cval")


@dataclass(frozen=True)
class Description:
    """What a source says, checked; neither MONAI nor torch has been imported."""

    network: Component
    parts: Parts
    steps: tuple[Step, ...]
    weights: Path
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    head: str | None
    activation: str | None
    axes: str | None
    output: int | str | None
    spatial_dims: int
    divisor: int | tuple[int, ...] | None
    window: dict | None
    name: str
    assumed: tuple[str, ...] = ()

    @staticmethod
    def of(source) -> Description:
        """Raises ModelError for what is missing, unknown, or more than data."""
        data, folder = (source, Path()) if isinstance(source, dict) else (read(source), Path(source).parent)
        with located(data):
            return Description._understood(data, folder)

    @staticmethod
    def _understood(data, folder):
        words = _Words(**_known(data))
        own = any(isinstance(one, dict) and "_target_" in one for one in words.preprocessing)
        about = {
            "network_def": {"_target_": words.monai, **words.arguments},
            "preprocessing": words.preprocessing if own else [],
        }
        parts = read_as_data(about)
        if parts.findings or parts.faults or parts.network is None:
            raise ModelError(
                f"The model's description says more than data: {short('; '.join((*parts.faults, *parts.findings)))}.",
                f"Networks: {', '.join(sorted(NETWORKS))}; transforms: MONAI's own, with plain arguments.",
                word="preprocessing" if parts.network is not None else "monai",
            )
        weights = folder / words.weights
        if not is_file(weights):
            sentence = f"The model's weights file '{named(weights)}' is not there."
            raise ModelError(sentence, "It was moved or deleted.", word="weights")
        dims = words.spatial_dims or parts.network.arguments.get("spatial_dims", 3)
        takes = parts.network.arguments.get("in_channels", 1)
        steps = () if own else steps_of(words.preprocessing, dims, len(words.channels))
        if not parts.preprocessing and takes != len(words.channels):
            raise ModelError(
                f"The network takes {takes} channel(s), the description names {len(words.channels)}.",
                "Name each one.",
                word="channels",
            )
        returns = parts.network.arguments.get("out_channels", len(words.classes))
        one = words.head == "binary" or (words.head is None and returns == 1 and len(words.classes) == 2)
        if returns != (1 if one else len(words.classes)):
            raise ModelError(
                f"The network returns {returns} channel(s), the description names {len(words.classes)} classes "
                f"for a {words.head or 'softmax'} head.",
                "Name one class for each channel ('binary': two names for one channel).",
                word="classes",
            )
        window = None
        if words.window is not None:
            given = {word: getattr(words, word) for word in _WINDOW_WORDS if getattr(words, word) is not None}
            window = {"roi_size": words.window, "spatial_dims": dims, **given}
        return Description(
            parts.network, parts, steps, weights, tuple(words.classes), tuple(words.channels), words.head,
            words.activation, words.axes, words.output, dims, words.divisor, window,
            words.name or f"MONAI {parts.network.name}",
            tuple(words.assumed),
        )  # fmt: skip


@dataclass(frozen=True)
class _Words:
    """The words of a description and their defaults."""

    monai: str
    arguments: dict
    weights: str
    classes: list
    channels: list = field(default_factory=lambda: ["image"])
    spatial_dims: int = 0
    head: str | None = None
    activation: str | None = None
    axes: str | None = None
    output: int | str | None = None
    divisor: int | list | None = None
    window: int | list | None = None
    overlap: float | list | None = None
    mode: str | None = None
    sigma_scale: float | list | None = None
    padding_mode: str | None = None
    cval: float | None = None
    preprocessing: list = field(default_factory=list)
    name: str = ""
    assumed: list = field(default_factory=list)


#: what JSON may hold for each word
_TYPES = {
    "monai": str, "arguments": dict, "weights": str, "classes": (list, tuple), "channels": (list, tuple),
    "spatial_dims": int, "head": str, "activation": str, "axes": str, "output": (int, str),
    "divisor": (int, list, tuple), "window": (int, list, tuple),
    "overlap": (int, float, list, tuple), "mode": str, "sigma_scale": (int, float, list, tuple), "padding_mode": str,
    "cval": (int, float), "preprocessing": (list, tuple), "name": str,
    "assumed": (list, tuple),
}  # fmt: skip


def _known(data):
    known = {f.name for f in fields(_Words)}
    refuse_unknown_words(data, known, NEEDED)
    values = {key: value for key, value in data.items() if key in known and value is not None}
    values["weights"] = str(values["weights"])
    values = checked(values)
    for key, value in values.items():
        if not isinstance(value, _TYPES[key]) or isinstance(value, bool):
            raise ModelError(
                f"The model's description holds {seen(value)} as {key}.", "See the documentation.", word=key
            )
    if "_target_" in values["arguments"]:
        raise ModelError(
            "The model's description names '_target_' among the arguments.", "Use the word 'monai'.", word="arguments"
        )
    return {**values, "preprocessing": list(values.get("preprocessing", ()))}


class _MonaiNetworkKind(ModelKind):
    """Recognises the dict with the word "monai" and description files that hold one."""

    name = "monai_network"
    title = "MONAI network with weights"
    order = 50

    def recognises(self, source) -> bool:
        if isinstance(source, dict):
            return "monai" in source
        if not is_description(source):
            return False
        try:
            return "monai" in read(source)
        except ModelError:
            return False

    def requirements(self, source) -> tuple[str, ...]:
        about = Description.of(source)
        reader = ("safetensors",) if about.weights.suffix == ".safetensors" else ()
        used = requirements(about.network.name, *(c.name for c in about.parts.preprocessing or ()))
        return (*dict.fromkeys((*used, *needed(about.steps))), *reader)

    def files(self, source) -> tuple[Path, ...]:
        return (Description.of(source).weights, *(() if isinstance(source, dict) else (Path(source),)))

    def classes(self, source) -> tuple[ClassInfo, ...]:
        about = Description.of(source)
        return description_words.class_infos(about.classes, about.head)

    def channels(self, source) -> tuple[str, ...]:
        return Description.of(source).channels

    def open(self, source, consent: bool | str = False) -> MonaiModel:
        """Raises ModelError, DependencyError."""
        about = Description.of(source)
        state = load_state(about.weights)
        network = build_network(about.network)
        loading = put_into(network, state, about.weights.name)
        chain, keys = build_chain(about.parts.preprocessing or ())
        fixed = fixed_size(about.network)
        settings = about.window or ({"roi_size": fixed, "spatial_dims": about.spatial_dims} if fixed else None)
        windows, padding = (None, "constant") if settings is None else windows_of(settings)
        takes = network_arguments(about.network).get("in_channels")
        divisor = divisor_of(about.network) if about.divisor is None else about.divisor
        model = MonaiModel(
            network, about.classes, kind=self.name, chain=chain, keys=keys, windows=windows, padding=padding,
            divisors=per_axis(divisor, about.spatial_dims), in_channels=takes, channels=about.channels,
            spatial_dims=about.spatial_dims, head=about.head, activation=about.activation, axes=about.axes,
            output=about.output, name=about.name, preprocessing=about.steps,
        )  # fmt: skip
        if about.axes is None:  # a description does not show the training's transforms as a bundle does
            model.axes = Axes(description_words.XYZ, MONAI)
        model.loading = (*loading, *assumed_note(about.assumed))
        return model


KIND = _MonaiNetworkKind()
