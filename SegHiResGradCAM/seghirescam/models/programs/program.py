"""What torch.export and TorchScript files share: the model object, its preprocessing and windows, and the consent."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...cam.logits.heads import BINARY
from ...protocol.errors import ModelError
from ...protocol.grid import Grid, canonical
from ...protocol.image import Image
from ...protocol.resampling import resampled
from ...protocol.untrusted import content
from ..axes import MONAI, Axes
from ..description_words import XYZ
from ..intensity_note import raw_values
from ..plain import PlainModel, neutral_name
from ..preprocessing.preprocessing_chain import needed
from ..preprocessing.preprocessing_words import changes_values
from ..segmentation_model import ModelKind, Prepared, Windows
from ..weights.pickle_scan import opened
from .program_description import NONE, RANGE, ZSCORE, ZSCORE_NONZERO, Sidecar, WindowWords, files


class ProgramModel(PlainModel):
    """A saved program with the preprocessing its description gives. notes: what was assumed, for the user.

    network: of :func:`graph_taps.graph_net`.  outputs: its channels.  channels: of the image.  fixed: the one size
    (along its own axes) the program takes, or None.  divisor: sizes it takes otherwise, where the description does not
    say.
    """

    def __init__(self, network, about: Sidecar, *, outputs, channels, spatial_dims, fixed, divisor, kind):
        self.notes = tuple(_assumptions(about, fixed))
        super().__init__(
            network,
            about.classes or class_names(outputs),
            channels=about.channels or channel_names(channels),
            spatial_dims=spatial_dims,
            head=about.head or (BINARY if outputs == 1 and not about.classes else None),
            activation=about.activation,
            axes=about.axes,
            output=about.output,
            divisor=about.divisor or divisor,
            preprocessing=about.preprocessing,
            name=about.name,
        )
        self.kind = kind
        self.name = about.name or neutral_name(self)
        self.about = about
        if about.axes is None and about.by_monai:
            self.axes = Axes(XYZ, MONAI)
        from ..model_outputs import settle

        settle(self, outputs)
        _refuse_misfits(self, outputs, channels, fixed)
        self.windows = _windows(about.window, fixed, spatial_dims)

    def prepare(self, image: Image) -> Prepared:
        self.check(image)
        array, grid = self.axes.fed(*self.preprocessed(image), self.spatial_dims)
        # a program's modules have lost their kinds and their order: nothing is guessed from them
        untouched = all(entry == NONE for entry in self.about.intensity) and not changes_values(self.preprocessing)
        raw = raw_values(array) if untouched else ()
        return self.as_input(array, grid, (*self.notes, *raw))

    def steps(self) -> tuple[dict, ...] | None:
        """The description's older words as steps, too; None where channels differ in theirs."""
        return self.preprocessing or steps_of_words(self.about, self.spatial_dims)

    def with_steps(self, steps) -> ProgramModel:
        other = super().with_steps(steps)
        other.about = replace(self.about, orientation=None, spacing_mm=None, intensity=(NONE,))
        return other

    def preprocessed(self, image: Image) -> tuple[np.ndarray, Grid]:
        if self.preprocessing:
            return super().preprocessed(image)
        array, grid = on_program_grid(image, self.about, self.spatial_dims)
        return with_intensity(array, self.about.intensity), grid


def steps_of_words(about: Sidecar, spatial_dims: int) -> tuple[dict, ...] | None:
    """``orientation``, ``spacing_mm`` and ``intensity`` as steps; None where the channels differ."""
    if len(set(about.intensity)) > 1:
        return None
    (entry,) = set(about.intensity)
    values = {NONE: [], ZSCORE: [{"z_score": "all"}], ZSCORE_NONZERO: [{"z_score": "nonzero"}]}
    turned = [{"orientation": about.orientation}] if about.orientation else []
    spaced = [{"spacing": [about.spacing_mm] * spatial_dims}] if about.spacing_mm else []
    ranged = [{"intensity_window": list(entry[1:])}] if entry[0] == RANGE else values[entry]
    return (*turned, *spaced, *ranged)


def on_program_grid(image: Image, about: Sidecar, spatial_dims: int) -> tuple[np.ndarray, Grid]:
    """Turned and resampled as the description says: float32 ``[C, K, J, I]``. 2D programs keep their slices apart."""
    grid = canonical(image.grid) if about.orientation == "RAS" else image.grid
    if about.spacing_mm is not None:
        factor = about.spacing_mm / np.array(grid.spacing_kji)
        if spatial_dims == 2:
            factor[0] = 1.0
        size = tuple(int(n) for n in np.maximum(1, np.ceil(np.array(grid.shape) / factor - 1e-6)))
        grid = grid.strided(factor, (factor - 1) / 2, size)
    array = image.array.astype(np.float32)
    if grid is not image.grid:
        # the last voxels may reach beyond the image by less than their size: there each channel's smallest value
        array = np.stack([resampled(c, image.grid, grid, outside=float(c.min())) for c in array])
    return array, grid


def with_intensity(array: np.ndarray, intensity: tuple) -> np.ndarray:
    """``[C, K, J, I]``, float32, each channel by its entry of the description (or all by the only one)."""
    entries = intensity * len(array) if len(intensity) == 1 else intensity
    return np.stack([_normalised(c, entry) for c, entry in zip(array, entries, strict=True)])


def _normalised(channel, entry):
    if entry == NONE:
        return channel
    wide = channel.astype(np.float64)
    if entry[0] == RANGE:
        _, low, high = entry
        return np.clip((wide - low) / (high - low), 0, 1).astype(np.float32)
    part = np.ones(wide.shape, bool) if entry == ZSCORE else wide != 0
    if not part.any():
        return channel
    spread = wide[part].std()
    # relative to the values' own size: the rounding error of a constant is not a contrast
    spread = spread if spread > 1e-6 * np.abs(wide[part]).max() else 1.0
    return np.where(part, (wide - wide[part].mean()) / spread, wide).astype(np.float32)


def sliding(size: tuple[int, int, int], overlap: float, mode: str) -> Windows:
    """MONAI's sliding windows (SlidingWindowInferer; Apache-2.0, re-written): starts, weights, padding with 0."""

    def offsets(shape):
        starts = []
        for length, window in zip(shape, size, strict=True):
            step = window if window == length else max(1, int(window * (1 - overlap)))
            count = max(1, math.ceil((length - window) / step) + 1)
            starts.append([min(i * step, length - window) for i in range(count)])
        return [(k, j, i) for k in starts[0] for j in starts[1] for i in starts[2]]

    weight = np.ones(size, np.float32)
    if mode == "gaussian":
        for axis, length in enumerate(size):
            x = np.arange(length, dtype=np.float32) - (length - 1) / 2
            bell = np.exp(x**2 / np.float32(-2 * (0.125 * length) ** 2)).astype(np.float32)
            weight = weight * bell.reshape([-1 if a == axis else 1 for a in range(3)])
        weight = np.maximum(weight, max(float(weight.min()), 1e-3))
    return Windows(size, offsets, weight.astype(np.float32))


def class_names(outputs: int) -> tuple[str, ...]:
    return tuple(f"class {i}" for i in range(max(2, outputs)))


def channel_names(count: int) -> tuple[str, ...]:
    return ("image",) if count == 1 else tuple(f"channel {i}" for i in range(count))


def content_of(source) -> bytes:
    """The program file's bytes; raises ModelError."""
    return content(source, None)


class ProgramKind(ModelKind):
    """A program file is code as a whole: consent is bound to its bytes."""

    def question(self, source, whole: bytes) -> tuple[str, str]:
        """(SHA-256 of the file's content, the sentence that asks)."""
        digest = hashlib.sha256(whole).hexdigest()
        programs = f"{self.programs} programs are code: opening '{Path(source).name}' (SHA-256 {digest[:12]})"
        return digest, f"{programs} runs what it holds, with all your rights."

    def requirements(self, source) -> tuple[str, ...]:
        path = Path(source)
        return needed(Sidecar.of(path, opened(content_of(path), path.name)).preprocessing)

    def consent_hash(self, source) -> str:
        return self.question(source, content_of(source))[0]

    def files(self, source) -> tuple[Path, ...]:
        return (Path(source), *files(Path(source)))


def _assumptions(about, fixed):
    if not about.found:
        yield "The program has no description beside it: classes are numbered, the image goes in as it is."
    elif not about.classes:
        yield "The program's description names no classes: they are numbered."
    if fixed is not None and about.window is None:
        yield (
            f"The program takes exactly {' x '.join(map(str, fixed))} voxels and its description says nothing about "
            "windows: they overlap by a quarter with equal weights, as MONAI's do by default."
        )


def _refuse_misfits(model, outputs, channels, fixed):
    about = model.about
    from ..model_outputs import output_channels

    needs = output_channels(model)
    if needs != outputs:
        raise ModelError(
            f"The program has {outputs} output channel(s), its {len(model.classes)} classes with a {model.head} head "
            f"need {needs}.",
            "Name every output channel, background included, in its order.",
        )
    if len(model.channels) != channels:
        raise ModelError(
            f"The program takes {channels} channel(s), its description names {len(model.channels)} "
            f"({', '.join(model.channels)}).",
            "Name every channel in its order.",
        )
    if about.spatial_dims not in (None, model.spatial_dims):
        raise ModelError(
            f"The description says {about.spatial_dims}D, the program is {model.spatial_dims}D.", "Correct it."
        )
    if len(about.intensity) not in (1, channels):
        raise ModelError(
            f"The description has {len(about.intensity)} intensity entries for {channels} channel(s).",
            "Give one for all, or one for each.",
        )
    if about.window is not None and fixed is not None and _kji(about.window.size, model.spatial_dims) != fixed:
        raise ModelError(
            f"The description's window of {about.window.size} voxels is not the size the program takes, {fixed}.",
            "Give that size, or save the program with dynamic sizes.",
        )


def _kji(size, dims):
    if dims == 2:
        size = (1, *size) if len(size) == 2 else size
    if len(size) != 3 or (dims == 2 and size[0] != 1):
        raise ModelError(f"The description's window {tuple(size)} does not fit a {dims}D program.", "Correct its size.")
    return tuple(size)


def _windows(words, fixed, dims):
    if words is None and fixed is None:
        return None
    words = words or WindowWords(fixed)
    return sliding(_kji(words.size, dims), words.overlap, words.mode)
