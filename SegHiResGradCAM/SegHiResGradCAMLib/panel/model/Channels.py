"""Which volume is which input channel of the model: by its name where that is certain, by the user everywhere else."""

from __future__ import annotations

import re
from typing import Any

from ...scene.nodes.Provenance import isImage
from ...scene.nodes.SceneNodes import nodesOfClass
from ...setup.Translation import _
from .ModelFacts import ModelFacts

#: the parameters that hold the volumes, in the order of the model's channels
FIELDS = ("volume", *(f"channel{number}" for number in range(2, 7)))


def severalChannels(model: ModelFacts) -> tuple[str, ...]:
    """The model's channels, once it is known to look at more than one volume; else ()."""
    return model.channels if model.channels and len(model.channels) > 1 else ()


def volumesOf(parameters: Any, model: ModelFacts) -> dict:
    """Channel name -> volume node (None where none is chosen); of a model with one channel the volume alone."""
    channels = severalChannels(model)
    if not channels:
        return {"image": parameters.volume}
    chosen = (getattr(parameters, field) for field in FIELDS)
    return dict(zip(_distinct(channels), chosen, strict=False))


def volumesMissing(parameters: Any, model: ModelFacts) -> str:
    """One sentence that lists the channels without a volume, "" if there is none."""
    channels = severalChannels(model)
    if not channels:
        return "" if parameters.volume is not None else _("Choose a volume.")
    if len(channels) > len(FIELDS):
        return _("This model looks at {count} volumes at once; the panel can give it {count2}.").format(
            count=len(channels), count2=len(FIELDS)
        )
    missing = [name for name, node in volumesOf(parameters, model).items() if node is None]
    if not missing:
        return ""
    one = len(missing) == 1
    return (_("Choose the volume for {names}.") if one else _("Choose the volumes for {names}.")).format(
        names=", ".join(missing)
    )


def channelWarning(parameters: Any, model: ModelFacts) -> str:
    """A sentence where one volume is given for several channels; it may be meant, so nothing is refused."""
    if not severalChannels(model):
        return ""
    by_node: dict[str, list[str]] = {}
    for name, node in volumesOf(parameters, model).items():
        if node is not None:
            by_node.setdefault(node.GetID(), []).append(name)
    twice = [names for names in by_node.values() if len(names) > 1]
    return "; ".join(_("{names} are the same volume").format(names=" and ".join(names)) for names in twice) + (
        "." if twice else ""
    )


def assigned(scene: Any, channels: tuple[str, ...]) -> dict:
    """Parameters by name: for each channel the one volume of the scene whose name says it, None where that is not
    certain - a volume in the wrong channel gives a map as convincing as the right one."""
    volumes = [n for n in nodesOfClass(scene, "vtkMRMLScalarVolumeNode") if _isInput(n)]
    found = matchedChannels(channels, {node.GetID(): node.GetName() for node in volumes})
    nodes = [scene.GetNodeByID(found[name]) if name in found else None for name in channels]
    return dict(zip(FIELDS, nodes, strict=False))


def matchedChannels(channels: tuple[str, ...], names: dict[str, str]) -> dict[str, str]:
    """Channel -> key of the one name that says it. names: key -> a volume's name.

    A name says a channel if the channel's name stands in it as whole words ("T1" is not in "T1c"); "T1 Gd" says T1 only
    where no channel is called T1 Gd.  A name that says several channels, and channels that several names say, are
    left out.
    """
    claims: dict[str, list[str]] = {}
    for key, name in names.items():
        runs = _runs(name)
        said = [channel for channel in channels if _plain(channel) in runs]
        said = [one for one in said if not any(_plain(one) in _plain(other) for other in said if other != one)]
        if len(said) == 1:
            claims.setdefault(said[0], []).append(key)
    return {channel: keys[0] for channel, keys in claims.items() if len(keys) == 1}


def _isInput(node: Any) -> bool:
    return isImage(node) and not (node.IsA("vtkMRMLLabelMapVolumeNode") or node.GetHideFromEditors())


def _plain(name: str) -> str:
    return "".join(_words(name))


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+", name.casefold())


def _runs(name: str) -> set[str]:
    """Every run of neighbouring words, written together."""
    words = _words(name)
    return {"".join(words[a:b]) for a in range(len(words)) for b in range(a + 1, len(words) + 1)}


def _distinct(channels: tuple[str, ...]) -> list[str]:
    """Two channels of one name stay two."""
    return [name if channels.count(name) == 1 else f"{name} ({n})" for n, name in enumerate(channels, start=1)]
