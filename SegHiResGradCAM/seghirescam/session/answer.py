"""From the tensors of one layer to an :class:`Explanation`: placed in millimetres, cut to the image, with its facts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..cam.isolation.host_copies import Collected, any_in
from ..models import model_outputs
from ..models.segmentation_model import Prepared, SegmentationModel
from ..protocol.explanation import Explanation, LayerInfo
from ..protocol.image import Image
from ..protocol.pixel_set import PixelSet
from ..protocol.question import AUTO, BF16, READING, WRITING
from ..protocol.recipes import WHOLE
from ..protocol.sizes import FILLS, Size, fills
from ..protocol.value import CUT_OFF, Value

if TYPE_CHECKING:
    import torch

    from ..cam.layers.layer import Layer
    from ..cam.logits.score import Score
    from ..cam.methods.base import ContextMethod, Method, Outcome
    from ..protocol.grid import Grid

ONE_DRAW = (
    "This network draws random numbers in its forward pass (dropout that is always on?): this is the answer of one "
    "draw, which random_seed repeats; ask for several draws to see how far they differ."
)


#: Testing/benchmarks/half_precision.py measured it
IN_BF16 = (
    "Computed in bf16, which keeps three digits: an approximation. Maps of eight trained networks agreed with those in "
    "full precision at correlations from 0.93 (first layer) to 1.00."
)


@dataclass(frozen=True, eq=False)
class Run:
    """What all explanations of one call share."""

    model: SegmentationModel
    image: Image
    prepared: Prepared
    score: Score
    side: str
    precision: str
    device: str
    notes: tuple[str, ...]
    #: what was made of the network's output (:class:`outputs.Taken`), {} where there was no choice
    output_facts: dict = field(default_factory=dict)
    nonfinite: dict = field(default_factory=dict)
    #: what waits on the device until it is read together, and what is looked up once for all pixel sets
    collected: Collected = field(default_factory=Collected)
    _once: dict = field(default_factory=dict)
    _sets: dict = field(default_factory=dict)

    @property
    def weights_sha256(self) -> str:
        """Once for all explanations of a call: to see whether a weight has changed, all of them are looked at."""
        if "weights" not in self._once:
            self._once["weights"] = self.model.weights_hash
        return self._once["weights"]

    def about(self, score: Score, notes: tuple[str, ...]) -> Run:
        """The same about one pixel set: its score, and what only its answers say."""
        return replace(self, score=score, notes=(*self.notes, *notes), nonfinite={}, _sets={})

    def _of_set(self, pixels: PixelSet) -> tuple[Size, str]:
        """Size and hash of M, which all its layers tell."""
        if id(pixels) not in self._sets:
            # the set itself is kept, so that no other one gets its id
            self._sets[id(pixels)] = pixels, (Size.of_set(pixels, self.prepared.valid), pixels.content_hash)
        return self._sets[id(pixels)][1]

    def count_nonfinite(self, pixels: PixelSet, bad: torch.Tensor | np.ndarray) -> None:
        """Note the voxels of M whose score is not finite. bad: bool array, see :mod:`finite`; read where it is told."""
        self.nonfinite[id(pixels)] = bad.sum()

    def answer(
        self, method: Method, a: torch.Tensor, g: torch.Tensor, layer: Layer, pixels: PixelSet, score: torch.Tensor,
        then: Callable[[Explanation], None],
    ) -> None:  # fmt: skip
        """One explanation from the activation and the gradient ``[K, *cells]`` of one layer, handed to ``then`` when
        ``collected`` is read.  score: S, still on the device."""
        info, dims = public_layer(layer, self.prepared, self.model.spatial_dims), self.model.spatial_dims
        m_total = float(pixels.weights.sum(dtype=np.float64))
        signed = method.map_of_mean(a, g, info.mm_per_cell[3 - dims :], m_total)  # type: ignore[index]
        numbers = method.numbers(a, g)
        notes = (*method.remarks(a, g), *method.told(numbers))

        def read(signed: torch.Tensor, any_gradient: torch.Tensor, score: torch.Tensor) -> None:
            zero = why_zero(bool(any_gradient))
            then(self._placed(method, signed, layer, pixels, float(score), zero, notes, numbers=numbers))

        self.collected.put(signed, any_in(signed, g), score, then=read)

    def outcome(
        self, method: ContextMethod, found: Outcome, layer: Layer, pixels: PixelSet, score: float
    ) -> Explanation:
        """One explanation from what a context method found at one layer, or at the input."""
        notes, facts = found.notes, dict(found.facts)
        if found.balance:
            notes = (found.balance.sentence(), *notes)
            facts["gap"] = found.balance.gap
        return self._placed(method, found.map, layer, pixels, score, found.zero, notes, facts)

    def _placed(
        self, method: Method, signed: torch.Tensor, layer: Layer, pixels: PixelSet, score: float, zero: str,
        notes: Iterable[str], facts: dict | None = None, numbers: dict[str, Value] | None = None,
    ) -> Explanation:  # fmt: skip
        prepared, dims = self.prepared, self.model.spatial_dims
        info = public_layer(layer, prepared, dims)
        signed = signed.detach().cpu().numpy().astype(np.float32)
        signed, cut = _without_padding(signed if dims == 3 else signed[None], prepared, info.stride)
        grid = prepared.grid.strided(info.stride, self.centre(info), signed.shape)
        notes, numbers = (*notes, *(one.note for one in cut.values())), (numbers or {}) | cut
        return self.explanation(method, layer, pixels, score, signed, grid, zero, notes, facts, numbers)

    def centre(self, info: LayerInfo) -> tuple[float, float, float]:
        """Model-grid position of cell 0 by which this layer is placed."""
        return info.reads if self._side(info) == READING else info.writes  # type: ignore[return-value]

    def _side(self, info: LayerInfo) -> str:
        return side_of(info) if self.side == AUTO else self.side

    def explanation(
        self, method: Method, layer: Layer, pixels: PixelSet, score: float, signed: np.ndarray, grid: Grid, zero: str,
        notes: Iterable[str] = (), facts: dict | None = None, numbers: dict[str, Value] | None = None,
    ) -> Explanation:  # fmt: skip
        """The answer around a finished map. signed: float32 [K, J, I] on grid.  zero: why it may be zero everywhere.
        facts: added to the provenance."""
        info = public_layer(layer, self.prepared, self.model.spatial_dims)
        notes = [*self.image.notes, *pixels.notes, *self.prepared.notes, *self.notes, *notes]
        if self.precision == BF16:
            notes.append(IN_BF16)
        drawn = _draw(self.model.networks)
        if drawn:
            notes.append(ONE_DRAW)
        if info.placement == "assumed":
            why = f" ({layer.placement_problem})" if layer.placement_problem else ""
            notes.append(
                f"Where this layer's cells look could not be measured{why}; their corners are aligned with the image's."
            )
        size, _ = self._of_set(pixels)
        if size.share > FILLS and pixels.label != WHOLE:
            notes.append(f"The pixel set ({pixels.label}) {fills(size)}")
        status, reason = status_of(signed, zero)
        if not math.isfinite(score):
            status, reason = "nonfinite", self._why_nonfinite(pixels)
        names = {c.index: c.name for c in self.model.classes}
        return Explanation(
            map=signed,
            grid=grid,
            unit=method.unit or self.score.unit,
            score=score,
            method=method.name,
            method_title=method.title,
            layer=info,
            class_index=self.score.class_index,
            class_name=names[self.score.class_index],
            score_title=self.score.title(names),
            pixel_set_label=pixels.label,
            side=self._side(info),
            status=status,
            reason=reason,
            notes=tuple(notes),
            provenance=self._provenance(method, pixels) | drawn | (facts or {}),
            numbers=numbers or {},
            score_unit=self.score.unit,
        )

    def _why_nonfinite(self, pixels: PixelSet) -> str:
        bad, whole = int(self.nonfinite.get(id(pixels), 0)), pixels.voxels
        where = f"in {bad} of the pixel set's {whole} voxels" if bad else "somewhere in the pixel set"
        return (
            f"The network's {self.score.name.replace('_', '-')} is infinite or NaN {where}, so the score is no number; "
            "choose a set without these voxels, or another class."
        )

    def _provenance(self, method: Method, pixels: PixelSet) -> dict:
        import torch

        from ..cam.isolation.determinism import determinism_facts

        size, digest = self._of_set(pixels)
        return {
            "engine": f"seghirescam {__version__}",
            "torch": torch.__version__,
            "device": self.device,
            "precision": self.precision,
            "model": self.model.name,
            "model_kind": self.model.kind,
            "weights_sha256": self.weights_sha256,
            "image_sha256": self._image_sha256,
            "image_grid": self.image.grid.to_json(),
            "pixel_set_sha256": digest,
            **model_outputs.facts(self.model),
            "pixel_set_voxels": size.voxels,
            **({} if size.ml is None else {"pixel_set_ml": round(size.ml, 4)}),
            "pixel_set_share": size.share,
            "score": self.score.name,
            "rival_index": getattr(self.score, "rival_index", None),
            "method_settings": method.settings(),
            **determinism_facts(self.device),
            **({"preview": self.model.preview} if self.model.preview else {}),
            **({"axes": self.model.axes.to_json()} if self.model.axes else {}),
            **({"preprocessing": list(self.model.preprocessing)} if self.model.preprocessing else {}),
            **self.output_facts,
            **self._headers(pixels),
        }

    @property
    def _image_sha256(self) -> str:
        """Once a call: it goes through all voxels."""
        if "image" not in self._once:
            self._once["image"] = self.image.content_hash
        return self._once["image"]

    def _headers(self, pixels: PixelSet) -> dict:
        """Which header was believed, where a file's headers disagree about its place."""
        believed = {"image_headers": list(self.image.headers), "pixel_set_header": pixels.header}
        return {key: value for key, value in believed.items() if any(value)}


def draw_notes(networks: Iterable[torch.nn.Module]) -> tuple[str, ...]:
    """The sentence for an answer of networks that have drawn random numbers, or nothing."""
    return (ONE_DRAW,) if _draw(networks) else ()


def _draw(networks: Iterable[torch.nn.Module]) -> dict:
    """What repeats the draw of a network that draws random numbers."""
    from ..cam.isolation.random_draws import base_seed, drew

    return {"random_seed": base_seed()} if drew(networks) else {}


def side_of(layer: LayerInfo) -> str:
    """The side by which a layer is placed where nobody chose one."""
    return READING if layer.part in ("encoder", "bottleneck") else WRITING


def public_layer(layer: Layer, prepared: Prepared, dims: int) -> LayerInfo:
    """The layer as users see it: axes in (K, J, I) order, mm per cell on this model grid."""
    stride = _three(layer.stride, dims, 1)
    placed = layer.placement
    corner = tuple((s - 1) / 2 for s in stride)
    return LayerInfo(
        name=layer.name,
        channels=layer.channels,
        cells=_three(layer.cells, dims, 1),
        stride=stride,
        part=layer.part,
        main=layer.main,
        reads=_three(placed.reads, dims, 0.0) if placed else corner,
        writes=_three(placed.writes, dims, 0.0) if placed else corner,
        placement="probed" if placed else "assumed",
        mm_per_cell=tuple(s * mm for s, mm in zip(stride, prepared.grid.spacing_kji, strict=True)),
        length_unit=prepared.grid.length_unit,
        aliases=tuple(layer.aliases),
        field=_three(layer.reach.reads, dims, 1) if layer.reach else None,
        acts_on=_three(layer.reach.acts, dims, 1) if layer.reach else None,
    )


def _three(values: Iterable, dims: int, fill: float) -> Any:
    """Per-axis values as (K, J, I): a 2D network has one slice."""
    return (fill,) * (3 - dims) + tuple(values)


def _without_padding(
    signed: np.ndarray, prepared: Prepared, stride: tuple[int, ...]
) -> tuple[np.ndarray, dict[str, Value]]:
    """Cut off the cells that lie wholly in the padding; :func:`cut_off` tells how much of the map they held."""
    kept = tuple(min(n, -(-v // s)) for n, v, s in zip(signed.shape, prepared.valid, stride, strict=True))
    if prepared.valid == prepared.grid.shape:
        return signed, {}
    inner = np.ascontiguousarray(signed[tuple(slice(0, n) for n in kept)])
    magnitude = float(np.abs(signed).sum(dtype=np.float64))
    if kept == signed.shape or not magnitude > 0:
        return inner, {}
    lost = 1 - float(np.abs(inner).sum(dtype=np.float64)) / magnitude
    return inner, cut_off(lost)


def cut_off(share: float) -> dict[str, Value]:
    """The share of a map's magnitude that was cut off with the padding, as one of an explanation's numbers."""
    note = f"{100 * share:.1f} % of the map's magnitude lay in cells of the padding and was cut off."
    return {CUT_OFF: Value.of(share, note=note)}


def why_zero(any_gradient: bool) -> str:
    """What a map of zeros means for a product of gradients and activations."""
    return "all products of gradient and activation are zero" if any_gradient else "every gradient is zero"


def status_of(signed: np.ndarray, zero: str) -> tuple[str, str]:
    """("ok" | "zero_map" | "no_positive_evidence" | "nonfinite", why in words). zero: why it may be zero everywhere."""
    if not np.isfinite(signed).all():
        return "nonfinite", "The map holds NaN or infinite values; the network's activations or gradients overflow."
    if not signed.any():
        return "zero_map", f"The map is zero: {zero} at this layer."
    if signed.max() <= 0:
        return (
            "no_positive_evidence",
            "No cell speaks for the class; choose the signed view to see what speaks against.",
        )
    return "ok", ""


def public_layers(listed: list[Layer], prepared: Prepared, dims: int) -> list[LayerInfo]:
    """Those that lead to the output, as users see them."""
    return [public_layer(layer, prepared, dims) for layer in listed if not layer.idle]
