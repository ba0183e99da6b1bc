"""From checked data to MONAI's own objects: the network, the preprocessing chain, the windows. MONAI does the work."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence

from ...protocol.errors import DependencyError, ModelError
from ..monai_library import monai
from ..segmentation_model import Windows
from .bundle_config import LOADERS, NETWORKS, Component, Dtype

#: arguments that earlier MONAI had and that changed nothing but checks
_DROPPED = {"SwinUNETR": {"img_size"}, "UNETR": {"pos_embed"}}
_RENAMED = {"dimensions": "spatial_dims"}


def network_arguments(component: Component) -> dict:
    """The arguments as this MONAI takes them: old names renamed, dropped ones dropped, nothing downloaded."""
    cls = _network_class(component.name)
    known = inspect.signature(cls.__init__).parameters
    arguments = {}
    for name, value in component.arguments.items():
        name = _RENAMED.get(name, name) if name not in known else name
        if name in known or name not in _DROPPED.get(component.name, ()):
            arguments[name] = _plain(value)
    if "pretrained" in known:
        arguments["pretrained"] = False  # the bundle's own weights follow; the default would be fetched from the net
    return arguments


def build_network(component: Component):
    """The network in evaluation mode, with random weights. Raises ModelError, DependencyError."""
    cls = _network_class(component.name)
    arguments = network_arguments(component)
    try:
        return cls(**arguments).eval()
    except ImportError as error:
        raise _missing(error) from error
    except Exception as error:  # MONAI raises whatever wrong arguments lead to
        if "einops" in str(error) or "OptionalImportError" in type(error).__name__:
            raise _missing(error) from error
        raise ModelError(
            f"MONAI cannot build the network {component.name} with these arguments: {_line(error)}.",
            "Correct the arguments, or install the MONAI version the model was made with.",
        ) from error


def output_channels(arguments: dict) -> int | None:
    """How many channels the network's arguments promise, if they say it."""
    found = next((arguments[n] for n in ("out_channels", "num_classes") if n in arguments), None)
    return found if isinstance(found, int) else None


def divisor_of(component: Component) -> tuple[int, ...] | int:
    """What the spatial sizes must be multiples of, per axis or for all, from the arguments of MONAI's networks."""
    name, args = component.name, network_arguments(component)
    if name in ("UNet", "Unet", "AttentionUnet", "DynUNet", "DynUnet"):
        dims = args.get("spatial_dims", 3)
        strides = [[s] * dims if isinstance(s, int) else list(s) for s in args.get("strides", ())]
        return tuple(math.prod(column) for column in zip(*strides, strict=True)) if strides else 1
    if name in ("SegResNet", "SegResNetDS"):
        return 2 ** (len(args.get("blocks_down", (1, 2, 2, 4))) - 1)
    if name in ("MedNeXt", "MedNext"):
        return 2 ** len(args.get("blocks_down", (2, 2, 2, 2)))
    return {"HighResNet": 1, "VNet": 16, "UNETR": 16}.get(name, 16 if name.startswith("Basic") else 32)


def fixed_size(component: Component) -> tuple[int, ...] | None:
    """The only size a network with a position embedding takes; None for all others."""
    if component.name != "UNETR":
        return None
    args = network_arguments(component)
    size = args.get("img_size")
    return (size,) * args.get("spatial_dims", 3) if isinstance(size, int) else tuple(size or ()) or None


def build_chain(components: Sequence[Component]) -> tuple[list, tuple[str, ...]]:
    """(transforms without the loaders, the keys the loader would fill; () for transforms of plain arrays)."""
    transforms = monai("transforms")
    keys, chain = (), []
    for component in components:
        name = component.target.rpartition(".")[2]
        if "keys" in component.arguments and not keys:
            found = component.arguments["keys"]
            keys = (found,) if isinstance(found, str) else tuple(str(key) for key in found or ())
        if component.name in LOADERS:
            continue
        cls = getattr(transforms, name, None)
        if not inspect.isclass(cls) or not issubclass(cls, transforms.Transform):
            raise ModelError(f"This MONAI has no transform '{name}'.", "Install the version the model was made with.")
        try:
            chain.append(cls(**{key: _plain(value) for key, value in component.arguments.items()}))
        except Exception as error:
            raise ModelError(
                f"MONAI cannot build the transform {name} with these arguments: {_line(error)}.", "Correct the bundle."
            ) from error
    return chain, keys


def windows_of(settings: dict) -> tuple[Windows | None, str]:
    """(windows, padding mode) of a SlidingWindowInferer's arguments: MONAI's own starts and weights.

    Axes are the tensor's.  A volume smaller than the window is padded half in front, as MONAI does: Windows does it for
    mode "constant", for others ``MonaiModel.prepare`` does.  Raises ModelError for sizes that follow the image.
    """
    utils, inference = monai("data.utils"), monai("inferers.utils")
    dims = settings.get("spatial_dims", 3)
    size = settings.get("roi_size")
    size = (size,) * dims if isinstance(size, int) else tuple(size or ())
    if all(not n or n < 1 for n in size):
        return None, "constant"
    if len(size) != dims or not all(isinstance(n, int) and n >= 1 for n in size):
        raise ModelError(
            f"The window {list(size)} does not fit a network with {dims} spatial dimensions.",
            "Give one whole number above 0 for each axis.",
        )
    overlap = settings.get("overlap", 0.25)
    overlap = (float(overlap),) * dims if isinstance(overlap, (int, float)) else tuple(float(o) for o in overlap)
    mode = str(getattr(settings.get("mode"), "value", settings.get("mode") or "constant")).lower()
    if len(overlap) != dims or not all(0 <= o < 1 for o in overlap) or mode not in ("constant", "gaussian"):
        raise ModelError(
            f"The windows have overlap {list(overlap)} and mode '{mode}'.",
            "The overlap lies between 0 and 1 (below 1); the mode is 'constant' or 'gaussian'.",
        )
    weights = utils.compute_importance_map(size, mode=mode, sigma_scale=settings.get("sigma_scale", 0.125)).numpy()

    def offsets(shape):
        front = range(shape[0]) if dims == 2 else (None,)
        inner = tuple(shape[-dims:])
        interval = inference._get_scan_interval(inner, size, dims, overlap)
        starts = [tuple(s.start for s in cut) for cut in utils.dense_patch_slices(inner, size, interval)]
        return [(*(() if k is None else (k,)), *map(int, start)) for k in front for start in starts]

    full = size if dims == 3 else (1, *size)
    padding = str(getattr(settings.get("padding_mode"), "value", settings.get("padding_mode") or "constant")).lower()
    return (
        Windows(full, offsets, weights.reshape(full), pad_value=float(settings.get("cval", 0.0))), padding
    )  # fmt: skip


def _network_class(name):
    import torch

    nets = monai("networks.nets")
    cls = getattr(nets, name, None) if name in NETWORKS else None
    if not inspect.isclass(cls) or not issubclass(cls, torch.nn.Module) or not cls.__module__.startswith(nets.__name__):
        raise ModelError(
            f"'{name}' is no segmentation network of this MONAI.", f"Known: {', '.join(sorted(NETWORKS))}."
        )
    return cls


def _plain(value):
    """Words of number types become types; lists stay lists."""
    if isinstance(value, Dtype):
        import torch

        name = {"float": "float32", "half": "float16", "long": "int64"}.get(value.rpartition(".")[2])
        return getattr(torch, name or value.rpartition(".")[2])
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return type(value)(_plain(item) for item in value) if isinstance(value, (list, tuple)) else value


def _missing(error):
    text = str(error)
    name = getattr(error, "name", None) or next((n for n in ("einops", "nibabel") if n in text), "a library")
    return DependencyError.of("This network", name)


def _line(error):
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
