"""Models loaded once a process, with the hash of what they are."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...models import recognise
from ...models.file_stamp import file_stamp
from ...models.segmentation_model import SegmentationModel
from ...protocol.errors import ConsentError, SegHiResCamError
from ..content_key import digest

#: kept open: jobs come model by model, and two processes at most ask about the next one already
MOST = 2


@dataclass(frozen=True, eq=False)
class Kept:
    """model: open, on its device.  sha256: of weights, description and how it goes through an image."""

    model: SegmentationModel
    sha256: str


class ModelStore:
    """loads: how often each source was opened, for whoever asks whether once was enough."""

    def __init__(self) -> None:
        self.loads: Counter[str] = Counter()
        self._kept: OrderedDict[tuple, Kept | SegHiResCamError] = OrderedDict()

    def get(self, source: str, consent: Consent, device: str) -> Kept:
        """Raises ModelError, ConsentError, DependencyError; what failed once fails again without another try."""
        key = (source, device)
        if key not in self._kept:
            while len(self._kept) >= MOST:
                self._kept.popitem(last=False)
            try:
                self._kept[key] = self._opened(source, consent, device)
            except SegHiResCamError as error:
                self._kept[key] = error
        self._kept.move_to_end(key)
        found = self._kept[key]
        if isinstance(found, SegHiResCamError):
            raise found.with_traceback(None)
        return found

    def forget(self) -> None:
        """All models, and how often they were opened."""
        self._kept.clear()
        self.loads.clear()

    def _opened(self, source: str, consent: Consent, device: str) -> Kept:
        from ...session.devices import move

        kind = recognise(source)
        agreed = consent.to(kind, source)
        self.loads[source] += 1
        model = kind.open(source, consent=agreed)
        for network in model.networks:
            move(network, device)
        return Kept(model, model_hash(model, kind.files(source)))


@dataclass(frozen=True)
class Consent:
    """The yes to running model authors' code: to all of it, or to contents by their SHA-256."""

    everything: bool = False
    contents: tuple[str, ...] = ()

    def to(self, kind, source: str) -> bool | str:
        """What ``kind.open`` takes. Raises ConsentError."""
        why = kind.runs_author_code(source)
        if not why:
            return False
        if self.everything:
            return True
        found = kind.consent_hash(source)
        if found and found in self.contents:
            return found
        bound = f", or --consent-sha256 {found} for exactly this content" if found else ""
        raise ConsentError(why, f"Nothing was run. If you trust its author, add --consent{bound}.", sha256=found)


def model_hash(model: SegmentationModel, files: Sequence[Path]) -> str:
    """SHA-256 of what makes the model answer as it does."""
    windows = model.windows
    cut = None if windows is None else [list(windows.size), list(windows.mirror_axes), windows.pad_value]
    return digest({
        "weights": model.weights_hash,
        "files": sorted(str(file_stamp(path)[-1]) for path in files if Path(path).is_file()),
        "kind": model.kind, "head": model.head, "activation": model.activation, "output": model.output,
        "dims": model.spatial_dims, "classes": [[one.index, one.name] for one in model.classes],
        "channels": list(model.channels), "windows": cut, "folds": list(model.folds),
        "preprocessing": [str(step) for step in model.preprocessing],
    })  # fmt: skip
