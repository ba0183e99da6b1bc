import pytest

import slicer
from stage.gui import StageError


def load(tmp_path, body, connections=""):
    path = tmp_path / "panel.ui"
    path.write_text(
        f'<ui version="4.0"><class>P</class><widget class="qMRMLWidget" name="top"><layout class="QVBoxLayout">'
        f"{body}</layout></widget><connections>{connections}</connections></ui>"
    )
    return slicer.util.loadUI(str(path))


def item(cls, name="x", properties=""):
    return f'<item><widget class="{cls}" name="{name}">{properties}</widget></item>'


def connection(sender, signal, receiver, slot):
    return (
        f"<connection><sender>{sender}</sender><signal>{signal}</signal>"
        f"<receiver>{receiver}</receiver><slot>{slot}</slot></connection>"
    )


def test_widgets_have_their_own_classes(tmp_path):
    body = item("QLineEdit", "line") + item("ctkSliderWidget", "slider") + item("QComboBox", "combo")
    ui = slicer.util.childWidgetVariables(load(tmp_path, body))
    assert [type(w).__name__ for w in (ui.line, ui.slider, ui.combo)] == ["QLineEdit", "ctkSliderWidget", "QComboBox"]


def test_a_collapsed_button_does_not_spoil_the_classes_of_its_contents(tmp_path):
    collapsed = '<property name="collapsed"><bool>true</bool></property><layout class="QVBoxLayout">'
    body = item("ctkCollapsibleButton", "head", collapsed + item("QSpinBox", "spin") + "</layout>")
    ui = slicer.util.childWidgetVariables(load(tmp_path, body))
    assert ui.head.collapsed is True and type(ui.spin).__name__ == "QSpinBox"


def test_a_class_without_a_stand_in_raises(tmp_path):
    with pytest.raises(StageError, match="ctkRangeWidget has no stand-in"):
        load(tmp_path, item("ctkRangeWidget"))


@pytest.mark.parametrize("cls", ["QLabel", "ctkSliderWidget"])
def test_an_unknown_property_raises(tmp_path, cls):
    with pytest.raises(StageError, match="no property colour"):
        load(tmp_path, item(cls, "x", '<property name="colour"><string>red</string></property>'))


def test_dynamic_properties_are_kept(tmp_path):
    body = item("QSpinBox", "x", '<property name="SlicerParameterName" stdset="0"><string>n</string></property>')
    assert load(tmp_path, body).findChild("QSpinBox").property("SlicerParameterName") == "n"


def test_enums_of_stand_ins_are_read(tmp_path):
    filters = '<property name="filters"><set>ctkPathLineEdit::Dirs|ctkPathLineEdit::Readable</set></property>'
    assert load(tmp_path, item("ctkPathLineEdit", "path", filters)).findChild("ctkPathLineEdit").filters == 0x11
    with pytest.raises(StageError, match="no value"):
        load(tmp_path, item("ctkPathLineEdit", "path", filters.replace("Dirs", "Folders")))


def test_connections_hand_the_scene_on(tmp_path):
    wire = connection("top", "mrmlSceneChanged(vtkMRMLScene*)", "selector", "setMRMLScene(vtkMRMLScene*)")
    top = load(tmp_path, item("qMRMLNodeComboBox", "selector"), wire)
    assert not top.selector.enabled
    top.setMRMLScene(slicer.mrmlScene)
    assert top.selector.enabled and top.selector.mrmlScene() is slicer.mrmlScene


@pytest.mark.parametrize(
    ("signal", "slot", "message"),
    [
        ("toggld(bool)", "setEnabled(bool)", "no signal"),
        ("toggled(bool)", "setEnabld(bool)", "no slot"),
        ("toggled(bool)", "setMinimum(double)", "no slot"),
        ("clicked()", "setSpinBoxVisible(bool)", "does not fit"),
    ],
)
def test_a_bad_connection_raises(tmp_path, signal, slot, message):
    body = item("QCheckBox", "box") + item("ctkSliderWidget", "slider")
    with pytest.raises(StageError, match=message):
        load(tmp_path, body, connection("box", signal, "slider", slot))


def test_a_missing_file_raises_as_in_slicer():
    with pytest.raises(RuntimeError, match="file not found"):
        slicer.util.loadUI("/does/not/exist.ui")
