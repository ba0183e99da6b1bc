"""A MONAI bundle's configuration read as data: references followed, harmless expressions calculated, nothing run.

What cannot be said in data (a class from elsewhere, an expression that calls something) becomes a *finding*, one short
sentence; :func:`read_as_data` returns the parts and all findings.  Needs neither MONAI nor torch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .bundle_expression import ALL_STEPS, REFERENCE, Budget, Dtype, NotData, calculated, short

#: networks of monai.networks.nets that map an image to logits of the same size
NETWORKS = frozenset({
    "AHNet", "AttentionUnet", "BasicUNet", "BasicUNetPlusPlus", "BasicUnet", "BasicUnetPlusPlus", "DynUNet", "DynUnet",
    "FlexUNet", "FlexibleUNet", "HighResNet", "MedNeXt", "MedNext", "SegResNet", "SegResNetDS", "SwinUNETR", "UNETR",
    "UNet", "Unet", "VNet",
})  # fmt: skip
#: transforms of monai.transforms that only calculate, without chance; each also as the dictionary form with a d
_PURE = frozenset({
    "AdjustContrast", "AsChannelLast", "BorderPad", "CastToType", "CenterSpatialCrop", "ClipIntensityPercentiles",
    "ConcatItems", "CopyItems", "Crop", "CropForeground", "DeleteItems", "DivisiblePad", "EnsureType", "Flip",
    "GaussianSharpen", "GaussianSmooth", "HistogramNormalize", "Identity", "MaskIntensity", "MedianSmooth",
    "NormalizeIntensity", "Orientation", "Pad", "RepeatChannel", "Resize", "ResizeWithPadOrCrop", "Rotate", "Rotate90",
    "SavitzkyGolaySmooth", "ScaleIntensity", "ScaleIntensityRange", "ScaleIntensityRangePercentiles", "SelectItems",
    "ShiftIntensity", "SignalFillEmpty", "Spacing", "SpatialCrop", "SpatialPad", "SpatialResample", "SplitDim",
    "SqueezeDim", "StdShiftIntensity", "ThresholdIntensity", "ToMetaTensor", "ToTensor", "Transpose", "Zoom",
})  # fmt: skip
#: reading a file and putting the channel first has been done when we hold an image
LOADERS = frozenset({"LoadImage", "EnsureChannelFirst", "AddChannel", "AsChannelFirst", "ToDevice"})
INFERERS = frozenset({"SlidingWindowInferer", "SlidingWindowInfererAdapt", "SliceInferer", "SimpleInferer"})
#: arguments that say where something is computed, or that would lose the geometry: ours to decide
_OURS = frozenset({"device", "sw_device", "reader", "track_meta", "progress", "num_workers"})
_NOT_ARGUMENTS = frozenset({"_target_", "_disabled_", "_requires_", "_desc_", "_mode_"})
_DEEPEST = 40
#: MONAI's own default of CropForeground, written out
_IS_POSITIVE = re.compile(r"\$\s*lambda\s+(\w+)\s*:\s*\1\s*>\s*0(\.0*)?\s*")


@dataclass(frozen=True)
class Component:
    """``_target_`` with its arguments; name: its last word without the dictionary form's d ("Spacingd": "Spacing")."""

    target: str
    arguments: dict = field(default_factory=dict)

    @property
    def name(self) -> str:
        return base_name(self.target)


@dataclass(frozen=True)
class Parts:
    """What opening needs, as data; None where the configuration has no such part or it is no data.

    findings: what would run code.  faults: what is wrong whoever reads it.
    """

    network: Component | None
    preprocessing: tuple[Component, ...] | None
    inferer: Component | None
    postprocessing: tuple[Component, ...]
    weights: str
    findings: tuple[str, ...]
    faults: tuple[str, ...]


def base_name(target: str) -> str:
    """ "monai.transforms.Spacingd" -> "Spacing"; also for the old names SpacingD and SpacingDict."""
    name = target.rpartition(".")[2]
    for ending in ("Dict", "D", "d"):
        if name.endswith(ending) and name.removesuffix(ending) in _PURE | LOADERS | _POST:
            return name.removesuffix(ending)
    return name


#: read, never built: they say what the channels of the output mean
_POST = frozenset({"Activations", "AsDiscrete", "Invert", "SaveImage", "EnsureType"})


def read_as_data(config: dict) -> Parts:
    """All that opening needs; findings name every part that is more than data. Never raises for bad content."""
    reader = _Reader(config)
    network = reader.part(["network_def", "network", "net", "model"], "network", _as_network)
    preprocessing = reader.part(
        ["preprocessing", "pre_processing", "transforms", "preprocessing_transforms"], "preprocessing", _as_chain
    )
    inferer = reader.part(["inferer"], "inferer", _as_inferer)
    if network is None and not reader.findings:
        reader.faults.append("it has no 'network_def'")
    findings, faults = (tuple(dict.fromkeys(found)) for found in (reader.findings, reader.faults))
    return Parts(network, preprocessing, inferer, reader.postprocessing(), reader.weights(), findings, faults)


class _TooLarge(Exception):
    """The configuration refers to itself, or stands for more than any has."""


class _Reader:
    """budget: of the whole configuration, however many parts of it are read."""

    def __init__(self, config, budget: Budget | None = None):
        self.config = config
        self.findings: list[str] = []
        self.faults: list[str] = []
        self.budget = Budget(ALL_STEPS) if budget is None else budget

    def part(self, names, what, check):
        """The first of ``names`` the configuration has, resolved and checked; a finding if it is no data."""
        name = next((n for n in names if self.config.get(n) is not None), None)
        if name is None:
            return None
        before = len(self.findings) + len(self.faults)
        try:
            value = self.resolve(self.config[name], (name,))
        except _TooLarge:
            self.faults.append("it refers to itself or is too large")
        if len(self.findings) + len(self.faults) > before:
            return None
        try:
            return check(value)
        except NotData as error:
            self.findings.append(f"{error} ({what})")
            return None

    def resolve(self, value, path, active=()):
        """Plain data and Components. What is neither becomes a finding, and None in its place."""
        try:
            self.budget.spend()
        except NotData as error:
            raise _TooLarge from error
        if len(path) > _DEEPEST or len(active) > _DEEPEST:
            raise _TooLarge
        if isinstance(value, str):
            return self._text(value, path, active)
        if isinstance(value, list):
            return [self.resolve(item, (*path, str(i)), active) for i, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if "_target_" not in value:
            return {key: self.resolve(item, (*path, str(key)), active) for key, item in value.items()}
        return self._component(value, path, active)

    def quietly(self, value, path):
        """The same, None for what is too large."""
        try:
            return self.resolve(value, path)
        except _TooLarge:
            self.faults.append("it is too large")
            return None

    def _component(self, value, path, active):
        target = value["_target_"]
        if str(value.get("_disabled_", False)).strip().lower() == "true":
            return None
        if not isinstance(target, str) or value.get("_mode_", "default") != "default" or not _listed(target):
            self.findings.append(f"{short(target)} is called")
            return None
        arguments = {}
        for key, item in value.items():
            key = str(key)
            if key in _NOT_ARGUMENTS or key in _OURS:
                continue
            if key == "select_fn" and isinstance(item, str) and _IS_POSITIVE.fullmatch(item):
                continue
            if base_name(target) in LOADERS and key != "keys":
                continue
            arguments[key] = self.resolve(item, (*path, key), active)
        return Component(target, arguments)

    def _text(self, text, path, active):
        if text.startswith("$"):
            try:
                return calculated(text[1:], lambda reference: self._follow(reference, path, active), self.budget)
            except NotData as error:
                self.findings.append(f"the expression '{short('$' + str(error).removeprefix('$'))}' is evaluated")
                return None
        if REFERENCE.fullmatch(text):
            return self._follow(text, path, active)
        if text.startswith("%"):
            self.findings.append(f"'{short(text)}' is read from another place")
            return None
        return text

    def _follow(self, reference, path, active):
        raw = reference[1:].replace("::", "#")
        levels = len(raw) - len(raw.lstrip("#"))
        steps = [*(path[:-levels] if levels else ()), *raw.lstrip("#").split("#")]
        place = "#".join(steps)
        if place in active:
            self.faults.append(f"'{short(reference)}' refers to itself")
            return None
        found = self.config
        try:
            for step in steps:
                found = found[int(step)] if isinstance(found, list) else found[step]
        except (LookupError, TypeError, ValueError):
            self.faults.append(f"'{short(reference)}' refers to nothing")
            return None
        return self.resolve(found, tuple(steps), (*active, place))

    def postprocessing(self):
        """Components of the postprocessing whose arguments are data; it is read for what it says, never run."""
        quiet = _Reader(self.config, self.budget)
        raw = self.config.get("postprocessing") or []
        raw = raw.get("transforms", raw) if isinstance(raw, dict) else raw
        found = []
        for item in raw if isinstance(raw, list) else []:
            if isinstance(item, dict) and isinstance(item.get("_target_"), str):
                words = ("sigmoid", "softmax", "argmax", "threshold", "_disabled_")
                keep = {key: value for key, value in item.items() if key in words}
                if str(keep.pop("_disabled_", False)).strip().lower() == "true":
                    continue
                found.append(Component(item["_target_"], quiet.quietly(keep, ("postprocessing",)) or {}))
        return tuple(found)

    def weights(self):
        """The checkpoint a CheckpointLoader names, relative to the bundle; else the usual place."""
        usual = "models/model.pt"
        loaders = [self.config.get("checkpointloader")]
        for key in ("handlers", "val_handlers"):
            listed = self.config.get(key)
            loaders += listed if isinstance(listed, list) else []
        for loader in loaders:
            if isinstance(loader, dict) and str(loader.get("_target_", "")).endswith("CheckpointLoader"):
                quiet = _Reader({**self.config, "bundle_root": "."}, self.budget)
                path = quiet.quietly(loader.get("load_path"), ("load_path",))
                if isinstance(path, str) and not quiet.findings + quiet.faults:
                    return path
        return usual


def _listed(target):
    """A class of ours to build: bare, or by its full name in MONAI's own rooms (there it is looked up by its name)."""
    room, _, name = target.rpartition(".")
    if not re.fullmatch(r"[A-Za-z]\w*", name) or not re.fullmatch(r"[\w.]*", room):
        return False
    place = next((p for p in ("networks.nets", "inferers", "transforms") if f"{room}.".startswith(f"monai.{p}.")), "")
    if room and not place:
        return False
    transform = name == "Compose" or base_name(name) in _PURE | LOADERS
    return any((
        name in NETWORKS and place in ("", "networks.nets"),
        name in INFERERS and place in ("", "inferers"),
        transform and place in ("", "transforms"),
    ))  # fmt: skip


def _as_network(value):
    if not isinstance(value, Component) or value.name not in NETWORKS:
        raise NotData(f"{short(value.target if isinstance(value, Component) else value)} is no network of MONAI's list")
    _refuse_nested(value)
    return value


def _as_chain(value):
    """The transforms in order, nested Composes opened."""
    if isinstance(value, Component) and value.name == "Compose":
        value = value.arguments.get("transforms") or []
    if isinstance(value, Component):
        value = [value]
    if not isinstance(value, (list, tuple)):
        raise NotData("the preprocessing is no list of transforms")
    chain = []
    for item in value:
        if item is None:  # disabled
            continue
        if not isinstance(item, Component) or item.name in NETWORKS | INFERERS:
            raise NotData(f"{short(item)} is no transform")
        if item.name == "Compose":
            chain += _as_chain(item)
        else:
            _refuse_nested(item)
            chain.append(item)
    return tuple(chain)


def _as_inferer(value):
    if value is None:
        return None
    if not isinstance(value, Component) or value.name not in INFERERS:
        raise NotData(f"{short(getattr(value, 'target', value))} is no inferer of MONAI's list")
    _refuse_nested(value)
    return value


def _refuse_nested(component):
    """Arguments are plain data: no class or function inside."""

    def look(value):
        if isinstance(value, Component):
            raise NotData(f"{short(value.target)} is built inside {component.name}")
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ():
            look(item)

    look(component.arguments)


__all__ = ["INFERERS", "LOADERS", "NETWORKS", "Component", "Dtype", "Parts", "base_name", "read_as_data"]
