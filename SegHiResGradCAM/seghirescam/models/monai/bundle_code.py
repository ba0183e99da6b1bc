"""A MONAI bundle that is more than data, opened by MONAI's own ConfigParser. Called only after a yes to its content."""

from __future__ import annotations

import pydoc
import sys
import weakref
from contextlib import contextmanager
from pathlib import Path

from ...protocol.errors import ConsentError, ModelError
from ...protocol.writing.private_folders import PrivateFolder
from ..factory.factory_model import authors_code
from ..monai_library import monai
from .bundle_files import BundleFiles
from .monai_model import per_axis
from .monai_parts import windows_of

_WINDOW_WORDS = ("roi_size", "overlap", "mode", "sigma_scale", "padding_mode", "cval")


def opened(files: BundleFiles, weights: str, consent: bool | str) -> dict:
    """The words of :class:`MonaiModel` (and ``arguments`` of the network), made by the bundle's author's code.

    What is hashed is what runs: a private copy, read once, without the weights.  Raises ConsentError if the content is
    not the one that was agreed to, ModelError for whatever the author's code raises.
    """
    bundle = monai("bundle")
    private = PrivateFolder()
    room = private.path
    try:
        found = files.copied_to(room, without=weights)
        if consent is not True and consent != found:
            raise ConsentError(
                "The bundle changed while it was opened.", "Nothing was run. Look at it again.", sha256=found
            )
        built = _evaluated(bundle, room, files.config_name)
    except BaseException:
        private.remove()
        raise
    # what the author's code reads later is there as long as the network is
    weakref.finalize(built["network"], private.remove)
    return built


def _evaluated(bundle, room, config_name):
    """Network, preprocessing and inferer as MONAI's ConfigParser makes them; nothing else of the configuration runs."""
    with _importable(str(room)), authors_code(Path(config_name).name), _unwrapped():
        parser = bundle.ConfigParser()
        parser.read_config(str(room / config_name))
        parser["bundle_root"] = str(room)
        network_id = next((key for key in ("network_def", "network", "net", "model") if key in parser), None)
        definition = parser[network_id] if network_id else None
        if isinstance(definition, dict) and "pretrained" in definition:
            definition["pretrained"] = False
        parser.parse(True)
        network = parser.get_parsed_content(network_id) if network_id else None
        preprocessing = _part(parser, "preprocessing", "pre_processing", "transforms", "preprocessing_transforms")
        inferer = _part(parser, "inferer")
    return _checked(network, preprocessing, inferer, definition)


def _part(parser, *names):
    found = next((n for n in names if n in parser), None)
    return None if found is None else parser.get_parsed_content(found)


def _checked(network, preprocessing, inferer, definition):
    """The author's objects, as far as they are what we can use."""
    import torch

    transforms, inferers = monai("transforms"), monai("inferers")
    if not isinstance(network, torch.nn.Module):
        raise ModelError(f"The bundle's network is a {type(network).__name__}.", "It must be a torch.nn.Module.")
    chain, keys = [], ()
    if isinstance(preprocessing, transforms.Compose):
        steps = preprocessing.flatten().transforms
    else:
        steps = preprocessing if isinstance(preprocessing, (list, tuple)) else [preprocessing] if preprocessing else []
    loaders = tuple(
        getattr(transforms, n) for n in ("LoadImage", "LoadImaged", "EnsureChannelFirst", "EnsureChannelFirstd")
    )
    for step in steps:
        if not keys and getattr(step, "keys", None):
            keys = tuple(str(key) for key in step.keys)
        if not isinstance(step, loaders):
            chain.append(step)
    arguments = {k: v for k, v in definition.items() if isinstance(v, int)} if isinstance(definition, dict) else {}
    dims = next((m.weight.ndim - 2 for m in network.modules() if isinstance(m, torch.nn.modules.conv._ConvNd)), 3)
    windows, padding = None, "constant"
    slices = isinstance(inferer, inferers.SliceInferer)
    if (dims == 2) is not slices or not (
        inferer is None or isinstance(inferer, (inferers.SlidingWindowInferer, inferers.SimpleInferer))
    ):
        raise ModelError(
            f"The inferer {type(inferer).__name__} goes through a volume in a way we do not know (network: {dims}D).",
            "Known: SlidingWindowInferer and SimpleInferer, and SliceInferer for 2D networks.",
        )
    if isinstance(inferer, inferers.SlidingWindowInferer):
        settings = {word: getattr(inferer, word) for word in _WINDOW_WORDS}
        windows, padding = windows_of({"spatial_dims": dims, **settings})
    return {
        "network": network.cpu().eval(), "arguments": arguments, "chain": chain, "keys": keys, "spatial_dims": dims,
        "slice_axis": inferer.spatial_dim if slices else 2, "windows": windows, "padding": padding,
        "divisors": per_axis(1, dims),
    }  # fmt: skip


@contextmanager
def _unwrapped():
    """MONAI finds classes through pydoc, which hides what went wrong (a missing library) in an error of its own."""
    try:
        yield
    except pydoc.ErrorDuringImport as error:
        raise error.value from error


@contextmanager
def _importable(folder):
    """The bundle's own modules (``scripts.*``) can be imported meanwhile, and are forgotten afterwards."""
    before, path = set(sys.modules), list(sys.path)
    shadowed = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "scripts"}
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - before | {n for n in sys.modules if n.partition(".")[0] == "scripts"}:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(folder) or name == "scripts":
                del sys.modules[name]
        sys.modules.update(shadowed)
