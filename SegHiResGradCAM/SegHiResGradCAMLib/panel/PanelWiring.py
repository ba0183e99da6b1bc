"""Which signal of which control calls what. Signatures are written out: PythonQt takes them literally."""

from __future__ import annotations


def connectControls(ui, view, presenter, chooseFolder) -> None:
    """Connects the panel's controls; ``view`` tells which signals came from filling them instead of from the user.

    chooseFolder(former, words) -> path: asks the user; without words for the folder of an export.
    """
    desk = presenter.desk

    def byUser(action):
        return lambda value: None if view.filling else action(value)

    def segment(value):
        selector = ui.segmentSelector
        presenter.pick(segmentation=selector.currentNode(), segmentId=selector.currentSegmentID())

    def modelFolder():
        path = chooseFolder(ui.modelPathLineEdit.currentPath, "Folder of a model")
        if path:
            presenter.models.pickFound(path)

    # What
    ui.demoButton.connect("clicked()", presenter.tryDemo)
    ui.segmentSelector.connect("currentNodeChanged(vtkMRMLNode*)", byUser(segment))
    ui.segmentSelector.connect("currentSegmentChanged(QString)", byUser(segment))
    ui.modelComboBox.connect("activated(int)", lambda index: presenter.models.pick(view.key("modelComboBox")))
    ui.modelPathLineEdit.connect("currentPathChanged(QString)", byUser(presenter.models.pickPath))
    ui.modelFolderButton.connect("clicked()", modelFolder)
    ui.predictButton.connect("clicked()", presenter.predictions.predict)
    ui.classComboBox.connect("activated(int)", lambda index: presenter.pick(className=view.key("classComboBox")))
    # How
    ui.howButton.connect("contentsCollapsed(bool)", lambda closed: None if closed else presenter.openHow())
    ui.methodComboBox.connect("activated(int)", lambda index: presenter.pick(method=view.key("methodComboBox")))
    ui.layerComboBox.connect("activated(int)", lambda index: presenter.pick(layer=view.key("layerComboBox")))
    ui.rivalComboBox.connect("activated(int)", lambda index: presenter.pick(rivalName=view.key("rivalComboBox")))
    ui.compareButton.connect("clicked()", presenter.comparisons.compare)
    # Apply
    ui.applyButton.connect("clicked()", presenter.apply)
    ui.installButton.connect("clicked()", presenter.installing.install)
    # See
    ui.resultsList.connect("currentRowChanged(int)", byUser(lambda row: desk.choose(view.resultKey(row))))
    ui.removeButton.connect("clicked()", desk.remove)
    ui.exportButton.connect("clicked()", lambda: desk.export(chooseFolder))
    ui.strongestButton.connect("clicked()", desk.jump)
    ui.shownLayerComboBox.connect("activated(int)", lambda index: desk.showLayer(view.key("shownLayerComboBox")))
    ui.shareSlider.connect("valueChanged(double)", byUser(lambda value: desk.setDisplay(share=value / 100)))
    ui.share50Button.connect("clicked()", lambda: desk.setDisplay(share=0.5))
    ui.share80Button.connect("clicked()", lambda: desk.setDisplay(share=0.8))
    ui.share95Button.connect("clicked()", lambda: desk.setDisplay(share=0.95))
    ui.opacitySlider.connect("valueChanged(double)", byUser(lambda value: desk.setDisplay(opacity=value / 100)))
    colors = ui.colorTableComboBox
    colors.connect("activated(int)", lambda index: desk.setDisplay(colorTable=colors.currentText))
    ui.overlayCheckBox.connect("clicked(bool)", lambda on: desk.setDisplay(foreground=on))
    ui.signedCheckBox.connect("clicked(bool)", lambda on: desk.setDisplay(signed=on))
    ui.legendCheckBox.connect("clicked(bool)", lambda on: desk.setDisplay(legend=on))
    ui.smoothCheckBox.connect("clicked(bool)", lambda on: desk.setDisplay(smooth=on))
    ui.in3DCheckBox.connect("clicked(bool)", desk.setIn3D)
    # Is it true?
    ui.paintComboBox.connect("activated(int)", lambda index: presenter.paint.choose(view.key("paintComboBox")))
    ui.paintButton.connect("clicked()", presenter.paint.paint)
    ui.stopCheckButton.connect("clicked()", presenter.checks.stop)
    ui.checkCheckBox.connect("clicked(bool)", presenter.checks.setEveryMap)
    ui.fullCheckButton.connect("clicked()", presenter.trust.checkFully)
    ui.segmentsButton.connect("clicked()", presenter.segments.ask)
    ui.tableButton.connect("clicked()", presenter.trust.addTable)
    ui.curvesButton.connect("clicked()", presenter.trust.showCurves)
