"""Networks, images and questions whose right map is known, from hand-set, trained, random, demo and published networks.

A map counts as right where an intervention proved the reason (:func:`proven`): masking out the cue that the network was
made for turns the answer round, masking out the other does not, and the map holds at least LEAST_LIFT times chance at
the first and more there, over chance, than at the other.  Decided before any verdict was counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from benchmarks.known import analytic, phantom, trained
from benchmarks.known.cheat import PRIMARY, TAU_MM
from seghirescam import open_model
from seghirescam.cam.logits.score import Contrast
from seghirescam.evaluation.metrics.location import share_in
from seghirescam.evaluation.metrics.shares import dilated
from seghirescam.evaluation.painting.intervention import intervene, outcome
from seghirescam.models.demo_networks.network import SmallUNet
from seghirescam.models.demo_networks.preprocessing import CLASSES, DIVISOR, LESION, LOOK_ALIKE, normalised
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import predict
from seghirescam.session.opening import open_session

HIRES = "seg_hires_grad_cam"
HAND_SET, TRAINED, RANDOM, DEMO, PUBLISHED = "hand-set", "trained", "random", "demo", "published"
CONTRAST = {"class_index": LESION, "score": "contrast", "rival": LOOK_ALIKE}
#: see the module's docstring
LEAST_LIFT = 2.0


@dataclass(frozen=True, eq=False)
class Subject:
    """One question. group, network, case: what it is called in the tables.

    cause, other: bool ``[K, J, I]`` on the image's grid, the cue that the network was made for and the one it was not;
    None where neither is known.  turned: whether masking out the cause, and not the other, turned the answer round.
    another_network, another_case: the subject of which a wrong map is taken.
    """

    group: str
    network: str
    case: int
    model: object
    image: Image
    pixels: PixelSet
    words: dict
    cause: np.ndarray | None = None
    other: np.ndarray | None = None
    turned: bool | None = None
    another_network: Callable[[], Subject] | None = None
    another_case: Callable[[], Subject] | None = None

    def session(self):
        return open_session(self.model, self.image)

    def explained(self):
        """The right map, as its method gives it."""
        session = self.session()
        try:
            return session.ask(self.pixels, **self.words)[0]
        finally:
            session.release()

    def proven(self, density: np.ndarray) -> bool | None:
        """Whether a map is right; None where that is not known."""
        if self.turned is None:
            return None
        own, other = (share_in(density, region) for region in (self.cause, self.other))
        return bool(self.turned and own.ok and own.lift >= LEAST_LIFT and own.lift > (other.lift or 0.0))


def hand_set(seed: int, setting: analytic.Setting, by_decoy: bool = False) -> Subject:
    """by_decoy: another network of the same wiring, whose cue for this organ is the decoy."""
    known = analytic.known(setting, seed)
    model = known.model
    if by_decoy:
        away = np.argwhere(known.decoy)[0] - np.argwhere(known.organ)[0]
        network = analytic.Displaced(setting.dims, tuple(int(d) for d in away)).double()
        model = PlainModel(network, ("background", "organ"), spatial_dims=setting.dims, name="by the decoy")

    def drawn(*masks):
        array = known.image.array.copy()
        for mask in masks:
            array[0, mask] = 0
        return predict(known.model, Image(array, known.image.grid), 1).weights[known.organ].mean() > 0.5

    return Subject(
        HAND_SET, setting.name, seed, model, known.image, known.pixels,
        {"class_index": 1, "methods": [HIRES], "layers": [analytic.LAYER]},
        known.cause, known.decoy, bool(drawn() and not drawn(known.cause) and drawn(known.decoy)),
        partial(hand_set, seed, setting, by_decoy=True), partial(moved_case, seed, setting),
    )  # fmt: skip


def moved_case(seed: int, setting: analytic.Setting) -> Subject:
    """The same network and an image in which organ and cue lie one voxel on: another case."""
    one = hand_set(seed + 1000, setting)
    shift = (0, 1, 1) if setting.dims == 2 else (1, 1, 1)
    array = np.roll(one.image.array, shift, (1, 2, 3))
    weights = np.roll(one.pixels.weights, shift, (0, 1, 2))
    image = Image(array, one.image.grid)
    return replace(one, image=image, pixels=PixelSet(weights, one.image.grid, "the organ"))


def of_trained(folder: Path, name: trained.Name, case: int, networks: list[trained.Name]) -> Subject | None:
    """networks: those of the same run; the next one of them is the other network.  None: no lesion is predicted."""
    model, made = trained.load(folder, name), phantom.make_case(case, ring=True, marker=True)
    pixels = predict(model, made.image, LESION)
    if pixels.is_empty:
        return None
    found = trained.painted(model, made, pixels)
    own = phantom.CAUSE[name.rule]
    other = "ring" if own == "marker" else "marker"
    next_one = networks[(networks.index(name) + 1) % len(networks)]
    return Subject(
        TRAINED, str(name), case, model, made.image, pixels, CONTRAST | {"methods": [HIRES], "layers": [PRIMARY]},
        _grown(made, own), _grown(made, other), bool(found["before"] > 0 > found[own] and found[other] > 0),
        partial(_same_pixels, folder, next_one, made, pixels), partial(of_trained, folder, name, case + 1, networks),
    )  # fmt: skip


def random_network(seed: int, case: int) -> Subject:
    """Never trained. M: where it predicts the lesion; a network that predicts nothing is asked about the body."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SmallUNet(classes=len(CLASSES)).eval()
    model = PlainModel(network, CLASSES, normalise=normalised, divisor=DIVISOR, name=f"random{seed}")
    made = phantom.make_case(case, ring=True, marker=True)
    pixels = predict(model, made.image, LESION)
    pixels = made.region("body") if pixels.is_empty else pixels
    words = CONTRAST | {"methods": [HIRES], "layers": [PRIMARY]}
    return Subject(RANDOM, f"random{seed}", case, model, made.image, pixels, words)


def of_demo(rule: str, case: int, images: Callable[[int], object]) -> Subject | None:
    """A demo network on a case of its own generator. images: seed -> demo_training.synthesis.Case with both cues."""
    from demo_training.measure import DILATION_MM, LAYER_OF_THE_TARGETS
    from demo_training.synthesis import RULES

    model, made = open_model(f"demo:{rule}"), images(case)
    pixels = predict(model, made.image, LESION)
    if pixels.is_empty:
        return None
    score, own = Contrast(LESION, LOOK_ALIKE), RULES[rule]
    before = outcome(model, made.image, pixels, score)
    found = {
        cue: intervene(model, made.image, made.region(cue), pixels, score, before=before).after.score
        for cue in ("ring", "marker")
    }
    other = "ring" if own == "marker" else "marker"
    regions = {cue: dilated(made.region(cue).weights > 0, made.image.grid, DILATION_MM) for cue in found}
    words = CONTRAST | {"methods": [HIRES], "layers": [LAYER_OF_THE_TARGETS]}
    second = "honest" if rule == "shortcut" else "shortcut"
    same = Subject(DEMO, second, case, open_model(f"demo:{second}"), made.image, pixels, words)
    return Subject(
        DEMO, rule, case, model, made.image, pixels, words, regions[own], regions[other],
        bool(before.score > 0 > found[own] and found[other] > 0), lambda: same,
        lambda: replace(of_demo(rule, case + 1, images) or same),
    )  # fmt: skip


def published(name: str, case: int, data: Path) -> Subject | None:
    """A network that others trained, on a crop of PUBLISHED_SIZE voxels around a place that the case draws.

    The question: the most frequent class but the background, at the layer in the middle.  None: nothing else is drawn.
    """
    network, classes, scaled = _published(name, data)
    rng = np.random.default_rng(case)
    start = 128 - PUBLISHED_SIZE // 2 + rng.integers(-30, 31, 3)
    crop = scaled[tuple(slice(s, s + PUBLISHED_SIZE) for s in start)]
    model = PlainModel(network, classes, axes="zyx", name=name)
    image = Image(np.ascontiguousarray(crop), Grid.from_spacing(crop.shape, (1.0, 1.0, 1.0)))
    session = open_session(model, image, keep=False)
    labels = session.logits().argmax(0)
    counts = np.bincount(labels.ravel(), minlength=len(classes))
    counts[0] = 0
    index = int(counts.argmax())
    if counts[index] < LEAST_VOXELS:
        return None
    pixels = PixelSet(labels == index, image.grid, f"predicted {classes[index]}")
    middle = str(2 * (len(network) // 4) + 1)
    words = {"class_index": index, "methods": [HIRES], "layers": [middle]}
    second = next(n for n in PUBLISHED_NAMES if n != name)
    return Subject(
        PUBLISHED, name, case, model, image, pixels, words,
        another_network=partial(_published_beside, second, image, data),
        another_case=partial(published, name, case + 10_000, data),
    )  # fmt: skip


PUBLISHED_NAMES, PUBLISHED_SIZE, LEAST_VOXELS = ("meshnet_gwm", "meshnet_gwm20"), 32, 200


def _published_beside(name, image, data):
    network, classes, _ = _published(name, data)
    model = PlainModel(network, classes, axes="zyx", name=name)
    labels = open_session(model, image, keep=False).logits().argmax(0)
    index = int(np.bincount(labels.ravel())[1:].argmax()) + 1 if labels.any() else 1
    weights = labels == index if labels.any() else np.ones(labels.shape)
    words = {"class_index": index, "methods": [HIRES], "layers": [str(2 * (len(network) // 4) + 1)]}
    return Subject(PUBLISHED, name, 0, model, image, PixelSet(weights, image.grid, "predicted"), words)


@lru_cache(maxsize=4)
def _published(name, data):
    """(network, class names, the head ``[x, y, z]`` scaled as its authors do)"""
    import nibabel
    from safetensors.torch import load_file

    about = json.loads((data / "networks" / f"{name}.json").read_text(encoding="utf-8"))
    network = torch.nn.Sequential()
    for n, layer in enumerate(about["layers"]):
        if n % 2:
            network.append({"relu": torch.nn.ReLU, "elu": torch.nn.ELU}[layer["kind"]]())
        else:
            words = {word: layer[word] for word in ("dilation", "padding", "bias")}
            network.append(torch.nn.Conv3d(layer["in"], layer["out"], layer["kernel"], **words))
    network.load_state_dict(load_file(data / "networks" / f"{name}.safetensors"))
    head = np.asarray(nibabel.load(data / "brain_t1.nii.gz").dataobj).astype(np.float32)
    bounds = (0, 100) if about["input"]["intensity"] == "min-max to 0..1" else (5, 95)
    low, high = np.percentile(head, bounds)
    return network.eval(), about["classes"], np.clip((head - low) / (high - low), 0, 1).astype(np.float32)


def _same_pixels(folder, name, made, pixels):
    """Another network asked about the very same voxels."""
    words = CONTRAST | {"methods": [HIRES], "layers": [PRIMARY]}
    return Subject(TRAINED, str(name), made.seed, trained.load(folder, name), made.image, pixels, words)


def _grown(made, cue):
    return dilated(made.region(cue).weights > 0, phantom.GRID, TAU_MM)
