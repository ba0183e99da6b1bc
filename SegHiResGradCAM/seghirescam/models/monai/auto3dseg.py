"""Auto3DSeg (SegResNet) models in one file with ``config`` and ``state_dict``, as SlicerMONAIAuto3DSeg has them.

Read as data only (weights_only, the network from MONAI's list); the preprocessing that the configuration's words stand
for is built here from MONAI's transforms, in the order of the training: orientation, crop, resampling, normalisation
(DataTransformBuilder of MONAI's research-contributions auto3dseg, segmenter.py).  Inference: windows of ``roi_size``,
gaussian, overlap 0.625.  A ``labels.csv`` (LabelValue, Name) beside the file names the classes.
"""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

from ...cam.logits.heads import SIGMOID, SOFTMAX
from ...protocol.errors import ModelError
from ...protocol.explanation import ClassInfo
from ...protocol.untrusted import content, is_file, is_vast, member, named, opened_zip
from ..description_words import class_infos
from ..monai_library import monai, requirements
from ..plain import neutral_name
from ..segmentation_model import ModelKind
from ..weights.state import finite, put_into, read_checkpoint
from .bundle_config import read_as_data
from .monai_model import MonaiModel
from .monai_parts import build_network, network_arguments, output_channels, windows_of

#: words that stand in the pickle of every such checkpoint (SlicerMONAIAuto3DSeg asks for "config" only)
_WORDS = (b"config", b"state_dict", b"network", b"_target_", b"roi_size")
_OVERLAP = 0.625
#: bytes of the pickle: names and shapes, a hundred or two for each weight
_LARGEST_PICKLE = 2_000_000


class _Auto3DSegKind(ModelKind):
    """Recognises ``.pt`` and ``.pth`` files by the words in them; nothing but data is read, also by ``classes``."""

    name = "auto3dseg"
    title = "MONAI Auto3DSeg checkpoint"
    order = 60

    def recognises(self, source) -> bool:
        if isinstance(source, dict):
            return False
        path = Path(source)
        try:
            if path.suffix.lower() not in (".pt", ".pth"):
                return False
            with opened_zip(path, growth=None) as archive:
                pickled = [name for name in archive.namelist() if name.endswith("data.pkl")]
                if len(pickled) != 1:
                    return False
                content = member(archive, pickled[0], _LARGEST_PICKLE)
        except zipfile.BadZipFile:
            return False
        return all(word in content for word in _WORDS)

    def requirements(self, source) -> tuple[str, ...]:
        return requirements("Orientation", "Spacing")

    def files(self, source) -> tuple[Path, ...]:
        labels = Path(source).parent / "labels.csv"
        return (Path(source), *((labels,) if is_file(labels) else ()))

    def classes(self, source) -> tuple[ClassInfo, ...]:
        config, network, _ = _read(source)
        return class_infos(_classes(config, output_channels(network.arguments), Path(source)))

    def channels(self, source) -> tuple[str, ...]:
        config, network, _ = _read(source)
        return _channels(config, network)

    def open(self, source, consent: bool | str = False) -> MonaiModel:
        """Raises ModelError, DependencyError."""
        config, about, state = _read(source)
        network = build_network(about)
        loading = put_into(network, finite(state, Path(source).name), Path(source).name)
        arguments = network_arguments(about)
        if arguments.get("spatial_dims", 3) != 3:
            raise ModelError("This Auto3DSeg model has a 2D network.", "Only 3D ones are supported.")
        windows, padding = windows_of({"roi_size": config["roi_size"], "overlap": _OVERLAP, "mode": "gaussian"})
        if windows is None:
            raise ModelError("The checkpoint's configuration has no roi_size.", "Ask its author.")
        modes = [config.get("normalize_mode", "meanstd"), *_extra(config).values()]
        keys = ("image", *_extra(config))
        model = MonaiModel(
            network, _classes(config, output_channels(arguments), Path(source)), kind=self.name,
            chain=_chain(config, dict(zip(keys, modes, strict=True))), keys=keys, windows=windows, padding=padding,
            in_channels=arguments.get("in_channels"), channels=_channels(config, about), spatial_dims=3,
            head=SIGMOID if config.get("sigmoid") else SOFTMAX, notes=loading,
        )  # fmt: skip
        model.name = neutral_name(model)
        return model


def _read(source):
    """(configuration, network as a Component, state_dict): all of it data. Raises ModelError."""
    path = Path(source)
    if not is_file(path):
        raise ModelError(f"The model file '{named(path)}' is not there.", "It was moved or deleted.")
    found = read_checkpoint(path, mapped=True)
    config, state = (found.get(key) if isinstance(found, dict) else None for key in ("config", "state_dict"))
    told = isinstance(config, dict) and isinstance(state, dict) and not is_vast(config)
    if not told or not isinstance(config.get("network"), dict):
        raise ModelError(f"'{path.name}' is no Auto3DSeg model (config with network, state_dict).", "Ask its author.")
    parts = read_as_data({"network_def": _known_norm(config["network"])})
    if parts.findings or parts.faults:
        raise ModelError(
            f"The configuration in '{path.name}' says more than data: {'; '.join((*parts.faults, *parts.findings))}.",
            "It was not opened; only networks of MONAI with plain arguments are.",
        )
    if config.get("custom_data_transforms"):
        raise ModelError(f"'{path.name}' was trained with transforms of its own.", "They are not part of the file.")
    return config, parts.network, state


def _known_norm(network):
    """apex's instance norm has the same weights as PyTorch's."""
    norm = network.get("norm")
    name, *rest = norm if isinstance(norm, (list, tuple)) else (norm,)
    if str(name).upper() != "INSTANCE_NVFUSER":
        return network
    return {**network, "norm": ["INSTANCE", *rest] if rest else "INSTANCE"}


def _extra(config) -> dict:
    """Further images and how each is normalised, in order."""
    found = config.get("extra_modalities") or {}
    if not isinstance(found, dict):
        raise ModelError("The checkpoint's extra_modalities are no list of names with their normalisation.", "Ask.")
    return {str(name): str(mode) for name, mode in found.items()}


def _channels(config, network) -> tuple[str, ...]:
    count = network.arguments.get("in_channels", 1)
    first = str(config.get("modality") or "image")
    if extra := _extra(config):
        if count != 1 + len(extra):
            raise ModelError(
                f"The network takes {count} channel(s), its configuration names {1 + len(extra)} images.", "Ask."
            )
        return (first, *extra)
    return (first,) if count == 1 else tuple(f"{first} {n + 1}" for n in range(count))


def _classes(config, count, path) -> list[str]:
    """Names in channel order: labels.csv beside the file, else the configuration's class_names, else numbers."""
    sigmoid = bool(config.get("sigmoid"))
    if count is None:
        raise ModelError("The checkpoint's network does not say how many classes it returns.", "Ask its author.")
    listed = config.get("class_names")
    names = [str(c.get("name", c) if isinstance(c, dict) else c) for c in listed] if isinstance(listed, list) else []
    if not sigmoid:
        table = _table(path.parent / "labels.csv")
        names = [table[n] for n in range(1, count)] if set(range(1, count)) <= set(table) else names
        names = ["background", *names] if len(names) == count - 1 else names
    if len(names) != count or len({n.strip().lower() for n in names}) != count:
        names = [f"class {n}" if n or sigmoid else "background" for n in range(count)]
    return names


def _table(path) -> dict[int, str]:
    """LabelValue -> Name; empty if there is no such file or it is no such table."""
    try:
        lines = io.StringIO(content(path, what="table of labels").decode("utf-8"), newline="")
        return {int(row["LabelValue"]): row["Name"].strip() for row in csv.DictReader(lines)}
    except (ModelError, ValueError, KeyError, TypeError, AttributeError, csv.Error):
        return {}


def _chain(config, modes: dict) -> list:
    """MONAI's transforms in the order of the training. modes: key -> normalisation, the first is the main image."""
    import numpy as np
    import torch

    t = monai("transforms")
    image, *extra = modes
    chain = []
    if config.get("orientation_ras", False):
        chain.append(t.Orientationd(keys=list(modes), axcodes="RAS"))
    if config.get("crop_foreground", True) and not extra:
        chain.append(t.CropForegroundd(keys=image, source_key=image, margin=10, allow_smaller=True))
    spacing = config.get("resample_resolution")
    if spacing is not None and config.get("resample", True):
        spacing = [float(value) for value in spacing]
        low, high = np.array(spacing) * 0.75, np.array(spacing) * 1.25
        chain.append(
            t.Spacingd(keys=image, pixdim=spacing, mode="bilinear", dtype=torch.float, min_pixdim=low, max_pixdim=high)
        )
    chain += [t.ResampleToMatchd(keys=key, key_dst=image, dtype=np.float32) for key in extra]
    for key, mode in modes.items():
        chain += _normalised(t, key, mode, config.get("intensity_bounds"))
    if extra:
        chain.append(t.ConcatItemsd(keys=list(modes), name=image))
    return chain


def _normalised(t, key, mode, bounds):
    import torch

    if mode == "none":
        return []
    if mode in ("range", "ct"):
        low, high = bounds or (-250, 250)
        scaled = t.ScaleIntensityRanged(keys=key, a_min=low, a_max=high, b_min=-1, b_max=1, clip=False)
        return [scaled, t.Lambdad(keys=key, func=torch.sigmoid)]
    if mode in ("meanstd", "mri", "meanstdtanh"):
        centred = t.NormalizeIntensityd(keys=key, nonzero=True, channel_wise=True)
        return [centred, t.Lambdad(keys=key, func=lambda x: 3 * torch.tanh(x / 3))] if mode[-1] == "h" else [centred]
    if mode == "pet":
        return [t.Lambdad(keys=key, func=lambda x: torch.sigmoid((x - x.min()) / x.std()))]
    raise ModelError(f"The normalisation '{mode}' of this Auto3DSeg model is unknown.", "Ask its author.")


KIND = _Auto3DSegKind()
