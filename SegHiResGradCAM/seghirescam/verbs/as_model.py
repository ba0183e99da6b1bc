"""A :class:`SegmentationModel` from whatever a Python user holds: a module, a path, a description, or one already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..models import open_model
from ..models.plain import PlainModel
from ..models.segmentation_model import SegmentationModel
from ..protocol.class_names import only_class
from ..protocol.errors import ClassError, ModelError

#: multiples that an image's size is tried with, where a network does not run on the size itself
DIVISORS = (2, 4, 8, 16, 32, 64)


def input_channels(network) -> int | None:
    """Channels that the first convolution (in the order of the modules) takes; None where there is none."""
    first = _first_convolution(network)
    return None if first is None else int(first.in_channels)


def spatial_dims(network) -> int | None:
    """2 or 3, by the first convolution; None where that does not tell."""
    first = _first_convolution(network)
    return None if first is None else first.weight.ndim - 2


def is_of_monai(network) -> bool:
    """Whether its class is one of MONAI's own: a file then goes in as MONAI reads it, unless axes are stated."""
    return type(network).__module__.startswith("monai.")


def _first_convolution(network):
    import torch

    kinds = (torch.nn.Conv2d, torch.nn.Conv3d)
    return next((module for module in network.modules() if isinstance(module, kinds)), None)


def opened(given: Any, *, consent: bool = False, **words: Any) -> SegmentationModel | None:
    """The model where ``given`` names or is one; None for a ``torch.nn.Module``, which is wrapped once its image is
    known (:func:`wrapped`).  Raises ModelError, also for words that only a bare module needs."""
    stated = sorted(word for word, value in words.items() if value is not None)
    if not isinstance(given, SegmentationModel) and not _is_module(given):
        if callable(given) and not isinstance(given, type):
            raise ModelError(
                f"A {type(given).__name__} is no torch.nn.Module.", "Write the function as the forward of a module."
            )
        given = open_model(given, consent=consent)
    if isinstance(given, SegmentationModel):
        if stated:
            raise ModelError(
                f"The model states its {', '.join(stated)} itself.",
                "Leave the word out, or change the model (its description, or the PlainModel).",
            )
        return given
    return None


def wrapped(network, shape: Sequence[int], classes=None, divisor: int | None = None, **words: Any) -> PlainModel:
    """A bare module as a model of its own.

    shape: of the input for the image, ``[1, C, *spatial]``.  classes: names in the order of the output channels, a
    number of them, or ``{channel: name}``; None: counted by running the wiring, and numbered.  divisor: None: the
    smallest multiple the network runs on is found.  words: of PlainModel.  What was assumed stands in every result.
    """
    told: list[str] = []
    dims = len(shape) - 2
    output = words.get("output")
    if divisor is None:
        divisor, channels = _runs_on(network, tuple(shape), output)
    else:
        channels = None if classes is not None else _channels(network, _rounded(shape, divisor), output)
    names = _names(classes, channels, told)
    channel_names = [f"channel {n}" for n in range(1, shape[1] + 1)] if shape[1] > 1 else ["image"]
    model = PlainModel(
        network,
        names,
        channels=channel_names,
        spatial_dims=dims,
        divisor=divisor,
        name=type(network).__name__,
        **words,
    )
    model.loading = tuple(told)
    return model


def target_of(model: SegmentationModel, target: Any, class_index: Any):
    """(index, note or ""): ``target`` and ``class_index`` are two words for one thing; indices of a list of classes.

    Where neither is given and there is one class beside the background, it is that one.  Raises ClassError.
    """
    if target is not None and class_index is not None and target != class_index:
        raise ClassError("target and class_index name two classes.", "Both words mean the same: give one of them.")
    wanted = class_index if target is None else target
    if isinstance(wanted, (list, tuple)):
        return [model.class_index(_plain_int(one)) for one in wanted], ""
    if wanted is not None:
        return model.class_index(_plain_int(wanted)), ""
    return only_class(model.classes, "target=")


def _plain_int(wanted):
    return wanted if isinstance(wanted, str) else int(wanted)


def _names(classes, channels, told) -> list[str]:
    if classes is None:
        if channels == 1:
            told.append("The network has one output channel: read as background and object.")
            return ["background", "object"]
        told.append(f"Output channels were not named: class 0 to class {channels - 1}.")
        return [f"class {n}" for n in range(channels)]
    if isinstance(classes, int):
        return [f"class {n}" for n in range(classes)]
    if isinstance(classes, Mapping):
        wrong = [key for key in classes if not isinstance(key, int) or key < 0]
        if wrong or not classes:
            raise ModelError("classes maps channel numbers to names.", "For example {1: 'tumour', 2: 'oedema'}.")
        most = max(max(classes) + 1, channels or 0)
        return [str(classes.get(n, f"class {n}" if n else "background")) for n in range(most)]
    if isinstance(classes, str):
        raise ModelError(f"classes is the one word {classes!r}.", "Give a list with a name for every output channel.")
    return [str(name) for name in classes]


def _runs_on(network, shape, output) -> tuple[int, int]:
    """(divisor, output channels): the smallest multiple of the size on which the network runs."""
    tried: dict[tuple, None] = {}
    first: Exception | None = None
    for divisor in (1, *DIVISORS):
        size = _rounded(shape, divisor)
        if size in tried:
            continue
        tried[size] = None
        try:
            return divisor, _channels(network, size, output)
        except ModelError as error:
            first = first or error
            if "does not run on" not in str(error):
                raise
    assert first is not None
    raise first


def _rounded(shape, divisor):
    return (*shape[:2], *(-(-n // divisor) * divisor for n in shape[2:]))


def _channels(network, shape, output) -> int:
    """Output channels, by the network's wiring where that runs without its numbers (a real pass where it does not)."""
    import torch

    from ..cam.isolation.undisturbed import undisturbed
    from ..cam.logits.outputs import Reading
    from ..cam.passes.forwards import own_words
    from ..cam.passes.positive_means import PositiveMeans

    parameter = next((p for p in network.parameters() if p.dtype.is_floating_point), torch.zeros(1))
    image = torch.zeros((1, 1, *shape[2:]), dtype=parameter.dtype, device=parameter.device).expand(shape)
    with Reading(output).on(network), undisturbed(network), torch.inference_mode(False), torch.no_grad():
        try:
            with PositiveMeans():
                return int(network(image).shape[1])
        except Exception:  # not every forward runs without its numbers; a real error shows in the real pass
            with own_words(network, image):
                return int(network(image.clone()).shape[1])


def _is_module(given) -> bool:
    import sys

    torch = sys.modules.get("torch")
    return torch is not None and isinstance(given, torch.nn.Module)
