"""PythonQt's rules for attributes, as seen on a real PythonQt build."""

import ctk
import pytest
import qt

import slicer


def test_a_property_is_an_attribute_and_cannot_be_called():
    button = qt.QPushButton("Apply")
    assert (button.text, button.enabled, button.checkable) == ("Apply", True, False)
    with pytest.raises(TypeError):
        button.text()


def test_setters_and_is_methods_stay():
    button = qt.QPushButton()
    button.setText("Cancel")
    button.setEnabled(False)
    assert button.text == "Cancel" and button.isEnabled() is False


def test_a_virtual_getter_is_read_without_endless_recursion():
    assert qt.QLabel("some text").sizeHint.width() > 10
    bar = qt.QProgressBar()
    bar.value = 40
    assert bar.text == "40%"


def test_assigning_converts_to_the_property_s_type():
    box, label = qt.QSpinBox(), qt.QLabel()
    box.value = 3.7
    label.text = 5
    assert (box.value, label.text) == (3, "5")


@pytest.mark.parametrize("value", [None, ["a"], object()])
def test_a_value_that_does_not_fit_raises(value):
    with pytest.raises(AttributeError, match="text"):
        qt.QLabel().text = value


def test_an_unknown_attribute_cannot_be_read_or_assigned():
    label = qt.QLabel()
    with pytest.raises(AttributeError, match="txet"):
        label.txet = "typo"
    with pytest.raises(AttributeError, match="txet"):
        _ = label.txet
    with pytest.raises(AttributeError, match="method"):
        label.setText = "not a call"


def test_a_read_only_property_cannot_be_assigned():
    with pytest.raises(AttributeError, match="read-only"):
        qt.QLineEdit().hasSelectedText = True


def test_a_python_subclass_may_have_attributes_of_its_own():
    class Mine(qt.QWidget):
        pass

    mine = Mine()
    mine.extra = 3
    mine.toolTip = "tip"
    assert (mine.extra, mine.toolTip) == (3, "<p>tip</p>")


def test_name_is_the_object_name():
    label = qt.QLabel()
    label.name = "status"
    assert (label.name, label.objectName) == ("status", "status")


def test_dynamic_properties_and_named_children_are_attributes():
    top = qt.QWidget()
    child = qt.QLabel(top)
    child.name = "status"
    top.setProperty("SlicerParameterName", "volume")
    assert top.SlicerParameterName == "volume"
    assert top.status is child


def test_lists_come_back_as_tuples():
    top = qt.QWidget()
    child = qt.QLabel(top)
    assert top.children() == (child,)
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLModelNode"]
    assert selector.nodeTypes == ("vtkMRMLModelNode",) == selector.property("nodeTypes")


def test_children_are_found_by_class_class_name_and_name():
    top = qt.QWidget()
    button = qt.QPushButton(top)
    button.name = "applyButton"
    assert top.findChildren(qt.QPushButton) == (button,) == top.findChildren("QPushButton")
    assert top.findChild("QPushButton", "applyButton") is button
    assert top.findChild("QPushButton", "other") is None
    with pytest.raises(TypeError):
        top.findChildren()


def test_enums_are_ints():
    assert qt.Qt.AlignRight + 0 == 2
    assert qt.QMessageBox.Ok | qt.QMessageBox.Cancel == 0x400 | 0x400000
    seen = []
    box = qt.QCheckBox()
    box.stateChanged.connect(seen.append)
    box.checked = True
    assert seen == [2] and isinstance(seen[0], int)


def test_class_name_inherits_and_delete_exist():
    slider = ctk.ctkSliderWidget()
    assert slider.className() == "ctkSliderWidget" and slider.inherits("QWidget")
    slider.delete()
    with pytest.raises(RuntimeError):
        _ = slider.value


def test_a_single_shot_timer_is_a_function_of_the_class_and_a_property_of_the_object():
    timer = qt.QTimer()
    timer.singleShot = True
    assert timer.singleShot is True and callable(qt.QTimer.singleShot)


def test_functions_that_are_static_and_not_both_work():
    assert qt.QFile(__file__).exists() and qt.QFile.exists(__file__)


def test_the_modules_hold_what_slicer_s_hold_and_nothing_of_pyside():
    for name in ("Signal", "Slot", "Property", "QRegExp"):
        with pytest.raises(AttributeError, match="not on the stage"):
            getattr(qt, name)
    with pytest.raises(AttributeError, match="not on the stage"):
        _ = ctk.ctkRangeWidget
