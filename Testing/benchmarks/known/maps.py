"""Every method of the registry, and the maps that know nothing, for one model and image: a dictionary of numbers each.

Regions: ``own`` is what was segmented (tier 1: with its ring), ``cue`` is what lies elsewhere (tier 0: the cause K,
tier 1: the marker).  Shares are of the positive evidence, the map placed on the image's grid as a density.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from seghirescam.cam.logits.score import ClassLogit, Contrast
from seghirescam.cam.methods import method, methods
from seghirescam.cam.methods.ablation import SegAblationCam
from seghirescam.cam.methods.input_maps import IntegratedGradients
from seghirescam.cam.methods.lift import SegLiftCam
from seghirescam.cam.methods.score_cam import SegScoreCam
from seghirescam.cam.methods.xres import SegXResCam
from seghirescam.evaluation.deletion.gains import gain_over_random
from seghirescam.evaluation.deletion.image_deletion import ImageProbe
from seghirescam.evaluation.metrics import baselines
from seghirescam.evaluation.metrics.location import mean_distance, share_in
from seghirescam.evaluation.metrics.simplicity import volume_holding
from seghirescam.evaluation.painting.rerun import Rerun
from seghirescam.evaluation.trust.layer_numbers import LargestGradient, completeness_gap, phantom_share
from seghirescam.protocol.errors import DependencyError, GradientError, LayerError, MethodError
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.value import NOT_MEASURED, Value
from seghirescam.session.opening import open_session

HIRES = "seg_hires_grad_cam"
#: stated reductions, so that a table takes minutes
SCORE_CAM_CHANNELS, INTEGRATION_STEPS, LIFT_STEPS = 16, 16, 8
FRACTIONS, ORDERS = (0.05, 0.1, 0.2, 0.5), 5
PHANTOM = {"phantom": 1e-6, "phantom_1e-3": 1e-3, "phantom_1e-2": 1e-2}
BASELINES = {
    "random": "random", "blur_matched_random": "random, blur-matched to Seg-HiRes-Grad CAM",
    "edges": "edges of the image", "paint_the_prediction": "paint the prediction",
}  # fmt: skip
INPUT, NO_LAYER, REFUSED = "input", "-", "refused"
#: the row of a case in which the class was not predicted
NO_PREDICTION = {
    "layer": NO_LAYER,
    "method": "none",
    "title": "cases without a prediction",
    "status": "empty_prediction",
}
NUMBERS = (
    "share_cue", "lift_cue", "mm_cue", "share_own", "lift_own", "mm_own", "v50_ml", "v90_ml", *PHANTOM, "gap",
    "gain_logit", "cpu_s",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Asked:
    """One question. cue, own: bool ``[K, J, I]`` on the image's grid, as shares are counted; None: no such region.

    near_cue, near_own: the regions distances are taken to (default: the same).  primary: the layer of the slow methods
    and the baselines.  head: the layer in front of the head, the only one CAM has.
    body: where tissue is (chance levels, deletion).
    """

    model: object
    image: Image
    pixels: PixelSet
    class_index: int
    own: np.ndarray
    cue: np.ndarray | None
    primary: str
    head: str | None
    layers: tuple[str, ...]
    rival: int | None = None
    near_own: np.ndarray | None = None
    near_cue: np.ndarray | None = None
    body: np.ndarray | None = None
    seed: int = 0

    @property
    def words(self) -> dict:
        score = "logit" if self.rival is None else "contrast"
        return {"class_index": self.class_index, "score": score, "rival": self.rival}

    @property
    def score(self):
        return ClassLogit(self.class_index) if self.rival is None else Contrast(self.class_index, self.rival)


def variants() -> dict[str, object]:
    """Name -> method with its settings: the whole registry, and second forms where they matter."""
    found = {name: method(name) for name in sorted(methods())}
    found |= {
        "seg_score_cam": SegScoreCam(channels=SCORE_CAM_CHANNELS),
        "integrated_gradients": IntegratedGradients(steps=INTEGRATION_STEPS),
        "seg_lift_cam": SegLiftCam(steps=LIFT_STEPS),
        "seg_xres_cam 32 mm": SegXResCam(32.0),
        "seg_ablation_cam mean": SegAblationCam("mean"),
    }
    return found


def rows(asked: Asked, slow: bool, gains: bool) -> Iterator[dict]:
    """One dictionary a map: layer, method, title, status, NUMBERS (None where there is none), gain_status.

    slow: also the methods that run the network many times, CAM and those on the image, and CPU seconds a map.  gains:
    also context deletion.
    """
    chosen, session = variants(), open_session(asked.model, asked.image)
    gain = gains_of(asked) if gains else None
    plain = {name: m for name, m in chosen.items() if not m.needs_context}
    try:
        for layer in asked.layers:
            *found, largest = session.ask(
                asked.pixels, methods=[*plain.values(), LargestGradient()], layers=[layer], **asked.words
            )
            at_primary = layer == asked.primary
            for name, explanation in zip(plain, found, strict=True):
                row = _row(asked, layer, name, plain[name].title, explanation, gain if at_primary else None)
                row |= _on_cells(explanation, largest, session if at_primary else None, asked.pixels)
                if at_primary and slow:
                    row["cpu_s"] = _seconds(asked, plain[name], layer)
                if at_primary and name == HIRES:
                    hires = explanation.resampled_to(asked.image.grid).array
                yield row
        for name, m in chosen.items() if slow else ():
            layer = INPUT if m.at_input else asked.head if name == "cam" else asked.primary
            if name not in plain and layer:
                yield from _slow(asked, session, name, m, layer, gain)
    finally:
        session.release()
    for name, density in _know_nothing(asked, hires).items():
        yield _row(asked, NO_LAYER, name, BASELINES[name], density, gain)


def _slow(asked, session, name, m, layer, gain):
    began = time.process_time()
    try:
        # the layer's name means nothing to maps on the image
        where = [asked.primary if layer == INPUT else layer]
        (found,) = session.ask(asked.pixels, methods=[m], layers=where, **asked.words)
    except (MethodError, LayerError, GradientError, DependencyError) as problem:
        yield {"layer": layer, "method": name, "title": m.title, "status": REFUSED, "note": problem.sentence}
        return
    seconds = time.process_time() - began
    row = _row(asked, layer, name, m.title, found, gain) | {"cpu_s": seconds}
    if layer != INPUT:
        (largest,) = session.ask(asked.pixels, methods=[LargestGradient()], layers=[layer], **asked.words)
        row |= _on_cells(found, largest, session, asked.pixels)
    yield row


def _row(asked, layer, name, title, found, gain):
    """found: an Explanation, or a density on the image's grid."""
    grid = asked.image.grid
    density = found if isinstance(found, np.ndarray) else found.resampled_to(grid).array
    status = "ok" if isinstance(found, np.ndarray) else found.status
    row = {"layer": layer, "method": name, "title": title, "status": status, **dict.fromkeys(NUMBERS)}
    for region, near in (("cue", asked.near_cue), ("own", asked.near_own)):
        mask = getattr(asked, region)
        if mask is not None:
            share = share_in(density, mask, asked.body)
            row |= {f"share_{region}": share.value, f"lift_{region}": share.lift}
            row[f"mm_{region}"] = mean_distance(density, mask if near is None else near, grid).value
    row |= {"v50_ml": volume_holding(density, grid, 0.5).value, "v90_ml": volume_holding(density, grid, 0.9).value}
    gained = gain(density) if gain else Value.without(NOT_MEASURED, "Not asked for.")
    return row | {"gain_logit": gained.value, "gain_status": gained.status}


def _on_cells(explanation, largest, session, pixels):
    """Phantom mass; the completeness gap where a session is given (one forward pass)."""
    found = phantom_share(explanation, largest, tuple(PHANTOM.values()))
    row = {name: found[eps].value for name, eps in PHANTOM.items()}
    if session is not None:
        row["gap"] = completeness_gap(session, explanation, pixels).value
    return row


def _seconds(asked, m, layer) -> float:
    """CPU seconds of one map in a session of its own: forward and backward pass."""
    session = open_session(asked.model, asked.image, keep=False)
    session.layers()
    began = time.process_time()
    session.ask(asked.pixels, methods=[m], layers=[layer], **asked.words)
    return time.process_time() - began


def gains_of(asked) -> Callable[[np.ndarray], Value]:
    """Density -> gain over random orders, in areas under the mean score (logit); the random orders are shared."""
    probe = ImageProbe(Rerun(asked.model), asked.image, asked.pixels, asked.score, body=asked.body)
    return lambda density: gain_over_random(
        probe, density, orders=ORDERS, fractions=FRACTIONS, seed=asked.seed
    ).logit  # fmt: skip


def _know_nothing(asked, hires):
    image, grid = asked.image, asked.image.grid
    return {
        "random": baselines.random_map(grid.shape, asked.seed),
        "blur_matched_random": baselines.blur_matched_random(hires, grid, asked.seed),
        "edges": baselines.edges(image.array, grid),
        "paint_the_prediction": baselines.paint_the_prediction(asked.pixels.on(grid)),
    }
