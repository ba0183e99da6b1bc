"""What is asked, in the panel: segment, class, rival, method, layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...setup.Translation import _
from ..Controls import FeatureView
from ..Option import Option


@dataclass(frozen=True)
class QuestionState:
    """classes, rivals, methods, layers: entries of the lists with the chosen key beside each.  segmentation: the MRML
    node."""

    classes: tuple[Option, ...] = ()
    className: str = ""
    classText: str = ""
    classTip: str = ""
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


class QuestionView(FeatureView):
    def connect(self, question: Any) -> None:
        """question: QuestionLogic."""
        controls, selector = self._controls, self._controls.ui.segmentSelector
        for name, field in (
            ("classComboBox", "className"),
            ("methodComboBox", "method"),
            ("layerComboBox", "layer"),
            ("rivalComboBox", "rivalName"),
        ):
            controls.onChoice(name, lambda key, field=field: question.pick(**{field: key}))

        def segment(value: Any) -> None:
            question.pick(segmentation=selector.currentNode(), segmentId=selector.currentSegmentID())

        selector.connect("currentNodeChanged(vtkMRMLNode*)", controls.byUser(segment))
        selector.connect("currentSegmentChanged(QString)", controls.byUser(segment))
        opened = lambda closed: None if closed else question.openAdvanced()  # noqa: E731
        controls.ui.advancedSection.connect("contentsCollapsed(bool)", opened)

    def show(self, state: QuestionState) -> None:
        controls, selector = self._controls, self._controls.ui.segmentSelector
        controls.fill("classComboBox", state.classes, state.className, _("Choose the class..."))
        controls.fill("rivalComboBox", state.rivals, state.rivalName, _("Choose the rival..."))
        controls.fill("methodComboBox", state.methods, state.method)
        controls.fill("layerComboBox", state.layers, state.layer)
        controls.say("classTextLabel", state.classText)
        controls.tip("classTextLabel", state.classTip)
        controls.say("layerWarningLabel", state.layerWarning)
        if selector.currentNode() is not state.segmentation:
            selector.setCurrentNode(state.segmentation)
        if selector.currentSegmentID() != state.segmentId:
            selector.setCurrentSegmentID(state.segmentId)
        controls.set("rivalComboBox", "enabled", state.rivalEnabled)
