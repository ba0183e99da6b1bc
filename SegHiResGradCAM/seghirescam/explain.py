"""The one verb: model + image + pixel set -> explanations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager, nullcontext

import numpy as np

from .answer import READING, WRITING, Run, public_layer
from .errors import ClassError, LayerError, ModelError
from .models.base import SegmentationModel
from .pixel_sets import PredictedClass, Recipe, View, as_recipe, extent, refuse_empty
from .protocol import Explanation, Image, LayerInfo, PixelSet

#: words that stand for layers instead of a name
DEFAULT, DEEPEST, MAIN = "default", "deepest", "main"


def explain(
    model: SegmentationModel,
    image: Image,
    pixel_sets: Recipe | PixelSet | Sequence[Recipe | PixelSet] | None = None,
    *,
    class_index: int | str,
    methods="seg_hires_grad_cam",
    layers: str | Sequence[str] = DEFAULT,
    score: str = "logit",
    rival: int | str | None = None,
    side: str = READING,
    device: str | None = None,
    precision: str = "fp32",
    progress: Callable[[float, str], None] | None = None,
) -> list[Explanation]:
    """Why did the network draw that segment? One forward pass for all pixel sets, layers and methods together.

    pixel_sets: PixelSet, recipe of :mod:`pixel_sets`, or several; default: where the class is predicted.
    class_index: index or name.  methods: name or Method instance, or several.  layers: layer names, or "default"
    (design rule: at least two cells across the first pixel set), "deepest" (the paper's choice), "main" (the last of
    every level).  score: "logit", "log_odds", or "contrast" against ``rival``.  side: "reading" places a cell where it
    looks, "writing" where it acts.  device: default the network's own.  precision: "fp32" or "bf16" (autocast; score
    and products stay float32).  progress(fraction, phase) may raise to cancel: nothing is left behind.

    Returns explanations ordered by pixel set, then layer, then method.  Raises the errors of :mod:`errors`, before the
    forward pass where that is possible.  The network is left exactly as it was.
    """
    import torch

    from .cam import capture
    from .cam.methods import method as find_method
    from .cam.undisturbed import undisturbed

    tell = progress or (lambda fraction, phase: None)
    index = model.class_index(class_index)
    wanted = _score(model, score, index, rival)
    chosen = [find_method(m) for m in _several(methods)]
    recipes = [as_recipe(p) for p in _several(PredictedClass() if pixel_sets is None else pixel_sets)]
    if side not in (READING, WRITING):
        raise LayerError(f"Unknown side {side!r}.", "Use 'reading' or 'writing'.")
    if precision not in ("fp32", "bf16"):
        raise ModelError(f"Unknown precision {precision!r}.", "Use 'fp32' or 'bf16'.")

    tell(0.0, "preparing the image")
    prepared = model.prepare(image)
    view = View(prepared.grid, prepared.valid, index, model.class_name(index))
    resolved = {i: refuse_empty(r.resolve(view)) for i, r in enumerate(recipes) if not r.needs_prediction}

    (network,) = model.networks
    with torch.inference_mode(False), undisturbed(network), _placed(network, device) as where:
        tensor = prepared.tensor.to(where)
        tensor = tensor.clone() if tensor.is_inference() else tensor
        autocast = torch.bfloat16 if precision == "bf16" else None
        listed = _trace(network, tensor)
        if layers == DEFAULT and 0 not in resolved:
            tell(0.1, "predicting")
            with torch.no_grad(), torch.autocast(where.type, dtype=autocast) if autocast else nullcontext():
                seen = _seen(view, capture.as_logits(network(tensor)), model)
            resolved[0] = refuse_empty(recipes[0].resolve(seen))
        targets, layer_notes = _choose_layers(listed, layers, resolved.get(0), model.spatial_dims)

        tell(0.2, "running the network")
        done = capture.forward(network, tensor, [layer.name for layer in targets], autocast=autocast)
        seen = _seen(view, done.logits.detach(), model)
        for i, recipe in enumerate(recipes):
            if i not in resolved:
                resolved[i] = refuse_empty(recipe.resolve(seen))
        with torch.enable_grad():
            values = wanted.values(done.logits.float() if autocast else done.logits, model.head)[0]
        run = Run(model, image, prepared, wanted, side, precision, str(where), layer_notes)
        by_name = {layer.name: layer for layer in targets}
        answers = []
        for i in range(len(recipes)):
            tell(0.5 + 0.5 * i / len(recipes), "differentiating the score")
            weights = _as_tensor(resolved[i], model.spatial_dims, values)
            with torch.enable_grad():
                total = (values * weights).sum()
            exact = float((values.detach().cpu().double() * weights.cpu().double()).sum())
            made = {}

            def receive(name, a, g, pixels=resolved[i], exact=exact, made=made):
                a, g = _at_least_float32(a[0]), _at_least_float32(g[0])
                made[name] = [run.answer(m, a, g, by_name[name], pixels, exact) for m in chosen]

            with torch.no_grad():
                done.differentiate(total, receive, keep_graph=i + 1 < len(recipes))
            answers += [answer for layer in targets for answer in made[layer.name]]
    tell(1.0, "done")
    return answers


def list_layers(model: SegmentationModel, image: Image) -> list[LayerInfo]:
    """All layers that can be explained for this image: stride, channels, cells, mm per cell, part, placement."""
    prepared = model.prepare(image)
    (network,) = model.networks
    listed = _trace(network, prepared.tensor.to(_device_of(network)))
    return [public_layer(layer, prepared, model.spatial_dims) for layer in listed]


def predict(model: SegmentationModel, image: Image, class_index: int | str) -> PixelSet:
    """Where the network chooses a class, on the model grid (padding excluded); may be empty."""
    import torch

    from .cam.capture import as_logits
    from .cam.undisturbed import undisturbed

    index = model.class_index(class_index)
    prepared = model.prepare(image)
    (network,) = model.networks
    with torch.inference_mode(False), torch.no_grad(), undisturbed(network):
        logits = as_logits(network(prepared.tensor.to(_device_of(network))))
        view = View(prepared.grid, prepared.valid, index, model.class_name(index))
        return PredictedClass().resolve(_seen(view, logits, model))


def _several(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _score(model, name, index, rival):
    from .cam.score import ClassLogit, Contrast, LogOdds

    if name == "contrast":
        if rival is None:
            raise ClassError("The contrast score needs a rival class.", "Name the class to compare with.")
        return Contrast(index, model.class_index(rival))
    simple = {"logit": ClassLogit, "log_odds": LogOdds}
    if name not in simple:
        raise ClassError(f"Unknown score {name!r}.", "Use 'logit', 'log_odds' or 'contrast'.")
    return simple[name](index)


def _device_of(network):
    import torch

    return next((p.device for p in network.parameters()), torch.device("cpu"))


@contextmanager
def _placed(network, device):
    """The network on the wanted device; moved back afterwards if it lived elsewhere."""
    import torch

    home = _device_of(network)
    where = torch.device(device) if device is not None else home
    if where.type == "cuda" and not torch.cuda.is_available():
        raise ModelError("No CUDA device is available.", "Use device='cpu'.")
    moved = where.type != home.type or (where.index is not None and where.index != home.index)
    if moved:
        network.to(where)
    try:
        yield where
    finally:
        if moved:
            network.to(home)


def _trace(network, tensor):
    from .cam.layers import trace

    listed = trace(network, tuple(tensor.shape), tensor.dtype, tensor.device)
    if not listed:
        raise LayerError(
            "No layer of this network has a spatial activation that a map could show.",
            "Use a network whose modules return tensors [B, C, ...].",
        )
    return listed


def _choose_layers(listed, wanted, pixels, dims):
    from .cam.layers import default_layer

    mains = [layer for layer in listed if layer.main]
    if wanted == DEFAULT:
        layer, warning = default_layer(listed, extent(pixels)[3 - dims :])
        return [layer], (warning,) if warning else ()
    if wanted == DEEPEST:
        deepest = max(layer.volume for layer in mains)
        return [next(layer for layer in reversed(mains) if layer.volume == deepest)], ()
    if wanted == MAIN:
        return mains, ()
    by_name = {}
    for layer in listed:
        by_name.update(dict.fromkeys(layer.aliases, layer))
    by_name.update({layer.name: layer for layer in listed})
    found = []
    for name in _several(wanted):
        if name not in by_name:
            raise LayerError(
                f"The layer '{name}' cannot be explained in this network.",
                f"Main layers: {', '.join(layer.name for layer in mains)}.",
            )
        if by_name[name] in found:
            raise LayerError(f"The layer '{name}' is named twice.", "Name each layer once (some names are aliases).")
        found.append(by_name[name])
    return found, ()


def _as_tensor(pixels, dims, like):
    import torch

    weights = torch.as_tensor(np.ascontiguousarray(pixels.weights)).to(device=like.device, dtype=like.dtype)
    return weights if dims == 3 else weights[0]


def _at_least_float32(tensor):
    return tensor if tensor.dtype.itemsize >= 4 else tensor.float()


def _seen(view, logits, model):
    """The view with the prediction in it."""
    from .cam.score import decide

    def decided(index):
        mask = decide(logits, index, model.head)[0].cpu().numpy()
        return mask if model.spatial_dims == 3 else mask[None]

    return View(view.grid, view.valid, view.class_index, view.class_name, decided)
