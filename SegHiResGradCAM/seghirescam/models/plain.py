"""A plain ``torch.nn.Module`` the caller has already built: nothing is read from disk, nothing is run to open it."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from ..cam.logits.heads import BINARY, SIGMOID, SOFTMAX
from ..protocol.errors import ModelError
from ..protocol.explanation import ClassInfo
from ..protocol.grid import Grid
from ..protocol.image import Image
from . import description_words
from .axes import ASSUMED, SIDECAR, STATED, Axes
from .intensity_note import raw_values
from .preprocessing.preprocessing_words import changes_values, steps_of
from .segmentation_model import Prepared, SegmentationModel, Windows, padded


class PlainModel(SegmentationModel):
    """Any network that maps ``[B, C, *spatial]`` to logits ``[B, classes, *spatial]``.

    activation, axes, output: see :mod:`description_words`; None: not stated.
    classes: names in channel order (for head="binary": two names, background and foreground, for one channel; the
    background may be left out).  head: None takes it from the network once it has run: one output channel is a binary
    head, a sigmoid at the end of several means independent classes, else the largest logit wins.
    preprocessing: steps as :mod:`preprocessing_words` lists them; MONAI is needed for them.
    normalise: called after them with float32 ``[C, *spatial]`` in the network's order of axes (``[C, K, J, I]``;
    ``[C, x, y, z]`` for axes="xyz"; 2D networks: ``[C, 1, *slice]``), returns the same shape; default: unchanged.
    divisor: the image is padded with its edge values, at the far ends, to a multiple of this along the network's axes.
    windows: how its inference goes through a volume, along the network's axes (then nothing is padded here).  folds:
    further networks whose logits are averaged with the first one's.
    """

    kind = "plain"
    #: what the network is fed where nobody says
    default_axes = Axes(description_words.ZYX, ASSUMED)

    def __init__(
        self,
        network,
        classes: Sequence[str],
        *,
        channels: Sequence[str] = ("image",),
        spatial_dims: int = 3,
        head: str | None = None,
        activation: str | None = None,
        axes: str | None = None,
        output: int | str | None = None,
        preprocessing: Sequence[dict] | None = None,
        normalise: Callable[[np.ndarray], np.ndarray] | None = None,
        divisor: int = 1,
        windows: Windows | None = None,
        folds: Sequence = (),
        name: str = "network",
    ):
        description_words.refuse_unknown(head=head, activation=activation, axes=axes, output=output)
        classes = description_words.class_names(classes, head)
        if head == SOFTMAX and len(classes) == 1:
            raise ModelError(
                "A softmax over one class is 1 everywhere.",
                'One output channel is a binary head: write head "binary" (two names, background first) or "sigmoid".',
            )
        self.head_stated = head is not None
        head = head or (SIGMOID if len(classes) == 1 else SOFTMAX)
        if head == BINARY and len(classes) != 2:
            raise ModelError(f"A binary head has two classes, got {len(classes)} names.", "Name background and object.")
        if len({str(name).strip().lower() for name in classes}) != len(classes):
            raise ModelError("Two classes have the same name.", "Name them apart.")
        if spatial_dims not in (2, 3):
            raise ModelError(f"Networks have 2 or 3 spatial dimensions, got {spatial_dims}.", "Set spatial_dims.")
        self.networks = (network, *folds)
        self.windows = windows
        self.classes = tuple(ClassInfo(i, str(n)) for i, n in enumerate(classes))
        self.channels = tuple(channels)
        self.spatial_dims = spatial_dims
        self.head = head
        self.activation, self.output = activation, output
        self.axes = Axes(axes, STATED) if axes else self.default_axes
        self.preprocessing = steps_of(preprocessing, spatial_dims, len(self.channels))
        self.normalise = normalise
        self.divisor = int(divisor)
        self.name = name
        self._hashed = None, ""

    @property
    def network(self):
        """The first of the folds."""
        return self.networks[0]

    @property
    def weights_hash(self) -> str:
        """SHA-256 over names and values of the state_dict, computed again only when a weight has changed."""
        from ..cam.isolation.network_place import fingerprints

        state = sorted(
            (f"{n}.{k}" if n else k, v) for n, f in enumerate(self.networks) for k, v in f.state_dict().items()
        )
        stamp = [key for key, _ in state], fingerprints([value for _, value in state])
        if stamp != self._hashed[0]:
            self._hashed = stamp, state_hash(state)
        return self._hashed[1]

    def prepare(self, image: Image) -> Prepared:
        self.check(image)
        array, grid = self.axes.fed(*self.preprocessed(image), self.spatial_dims)
        untouched = self.normalise is None and not changes_values(self.preprocessing)
        raw = raw_values(array, self.network) if untouched else ()
        if self.normalise is not None:
            shape = array.shape
            array = np.asarray(self.normalise(array), dtype=np.float32)
            if array.shape != shape:
                raise ModelError(f"normalise changed the shape to {array.shape}.", "It must keep [C, *spatial].")
        return self.as_input(array, grid, raw)

    def steps(self) -> tuple[dict, ...] | None:
        return self.preprocessing

    def with_steps(self, steps: Sequence[dict]) -> PlainModel:
        """A copy that prepares images by these steps (its function ``normalise`` stays)."""
        other = copy.copy(self)
        other.preprocessing = steps_of(list(steps), self.spatial_dims, len(self.channels))
        return other

    def preprocessed(self, image: Image) -> tuple[np.ndarray, Grid]:
        """Float32 ``[C, K, J, I]`` after the steps of the description, and its grid. Raises ImageError."""
        if not self.preprocessing:
            return image.array.astype(np.float32), image.grid
        from .preprocessing.preprocessing_chain import prepared_by

        return prepared_by(self.preprocessing, image, self.spatial_dims)

    def as_input(self, array: np.ndarray, grid, notes: tuple[str, ...]) -> Prepared:
        """``[C, K, J, I]`` in the network's own type: padded and flat as it needs them, whole where windows follow."""
        import torch

        valid, flat = grid.shape, self.spatial_dims == 2 and self.windows is None
        if self.windows is None:
            array, grid, more = padded(array, grid, self.divisor, (1, 2) if flat else (0, 1, 2))
            notes = (*notes, *more)
        dtype = next((p.dtype for p in self.network.parameters() if p.dtype.is_floating_point), torch.float32)
        tensor = torch.tensor(np.ascontiguousarray(array), dtype=dtype)[None]
        return Prepared(tensor[:, :, 0] if flat else tensor, grid, valid, (*notes, *self.axes_notes))

    def fed_as(self, order: str | None) -> None:
        order = order or self.default_axes.order
        if order != self.axes.order:
            self.axes = Axes(order, SIDECAR)

    @property
    def axes_notes(self) -> tuple[str, ...]:
        note = self.axes.note(self.spatial_dims)
        return (note,) if note else ()


def neutral_name(model) -> str:
    """For a model that nobody has named: its file may be called after a patient, so that name goes nowhere."""
    return f"{model.kind} {model.weights_hash[:8]}"


def state_hash(state) -> str:
    """SHA-256 over (name, tensor) pairs: what names a set of weights in provenance.

    A tensor that stands under several names (nnU-Net's networks list theirs up to four times) is read once.
    """
    import torch

    digest, read = hashlib.sha256(), {}
    for key, value in state:
        digest.update(key.encode())
        same = (value.data_ptr(), value.device, value.dtype, value.shape, value.stride()) if value.numel() else key
        if (first := read.setdefault(same, key)) != key:
            digest.update(f" = {first}".encode())
            continue
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
