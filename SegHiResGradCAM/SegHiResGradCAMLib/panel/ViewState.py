"""Everything the panel shows, as plain values: the presenter writes it, the widget copies it into its controls."""

from __future__ import annotations

from dataclasses import dataclass

from ..scene.overlay.DisplaySettings import DisplaySettings


@dataclass(frozen=True)
class Option:
    """One entry of a list: its key, what the user reads, and a longer explanation."""

    key: str
    text: str
    tip: str = ""


@dataclass(frozen=True)
class ViewState:
    """The panel at one moment.

    models / classes / rivals / methods / layers / results / shownLayers: entries of the lists with the chosen key
    beside each.  channels: the model's channel names where it has several, else empty.  ownVolumes: ids of our maps,
    which are no images to be explained.
    segmentation: the MRML node.  editable: the question may be changed (not while it is being answered).  applyReason:
    why Apply is disabled, "" if it is not.  fraction: 0..1 while ``busy``.  error: one sentence with what to do,
    ``details`` for the folded text.  display: None when no result is shown.  exportReason, predictReason,
    compareReason and the other reasons: why these buttons are disabled.  inComparison: the shown result goes with a
    whole comparison.  verdict: of the full check.  numbers: of the fast one, rich text, with a longer tip; checkState:
    what is going on while there are none; checking: a check runs behind the panel.  regions / region: what can be
    painted over.  paintText, segmentsText: what came of it.
    """

    models: tuple[Option, ...] = ()
    model: str = ""
    modelPath: str = ""
    modelText: str = ""
    channels: tuple[str, ...] = ()
    ownVolumes: tuple[str, ...] = ()
    channelText: str = ""
    classes: tuple[Option, ...] = ()
    className: str = ""
    classText: str = ""
    rivals: tuple[Option, ...] = ()
    rivalName: str = ""
    rivalEnabled: bool = False
    methods: tuple[Option, ...] = ()
    method: str = ""
    layers: tuple[Option, ...] = ()
    layer: str = ""
    layerWarning: str = ""
    segmentation: object = None
    segmentId: str = ""

    editable: bool = True
    busy: bool = False
    cancelling: bool = False
    fraction: float = 0.0
    status: str = ""
    applyReason: str = ""
    predictReason: str = ""
    compareReason: str = ""
    device: str = ""
    demoOffered: bool = False
    installText: str = ""
    installOffered: bool = False
    error: str = ""
    details: str = ""

    results: tuple[Option, ...] = ()
    result: str = ""
    resultFacts: str = ""
    shownLayers: tuple[Option, ...] = ()
    shownLayer: str = ""
    display: DisplaySettings | None = None
    in3D: bool = False
    exportReason: str = ""
    inComparison: bool = False
    colorTables: tuple[str, ...] = ()

    checksEvery: bool = True
    verdict: str = ""
    numbers: str = ""
    numbersTip: str = ""
    checkState: str = ""
    checking: bool = False
    regions: tuple[Option, ...] = ()
    region: str = ""
    paintReason: str = ""
    paintText: str = ""
    fullReason: str = ""
    segmentsReason: str = ""
    segmentsText: str = ""
    tableReason: str = ""
    curvesReason: str = ""

    @property
    def canApply(self) -> bool:
        """The button works: as Apply when nothing is missing, as Cancel while something runs."""
        return not self.cancelling if self.busy else not self.applyReason

    @property
    def applyText(self) -> str:
        return "Cancel" if self.busy else "Apply"
