import ctk
import pytest
import qt

from stage.gui import StageError, failures


def clicked(button):
    button.click()
    return button


def test_a_signal_is_connected_by_its_signature_or_by_its_name():
    seen = []
    button = qt.QPushButton()
    assert button.connect("clicked()", lambda: seen.append("string")) is True
    button.clicked.connect(lambda: seen.append("name"))
    clicked(button)
    assert seen == ["string", "name"]


def test_surplus_arguments_are_cut_and_a_default_counts_as_a_parameter():
    seen = []
    button = qt.QPushButton()
    button.checkable = True
    button.connect("clicked(bool)", lambda: seen.append("none"))
    button.connect("clicked(bool)", lambda checked: seen.append(checked))
    button.connect("clicked(bool)", lambda row=7: seen.append(row))
    button.connect("clicked()", lambda row=7: seen.append(row))
    button.connect("clicked(bool)", lambda *values: seen.append(values))
    clicked(button)
    assert seen == ["none", True, True, 7, (True,)]


def test_a_method_gets_its_arguments_after_self():
    class Panel:
        def onValue(self, value):
            self.value = value

        def onAny(self):
            self.any = True

    panel, box = Panel(), qt.QSpinBox()
    box.valueChanged.connect(panel.onValue)
    box.connect("valueChanged(int)", panel.onAny)
    box.value = 4
    assert panel.value == 4 and panel.any


def test_a_connection_keeps_its_receiver_alive():
    seen = []

    class Panel:
        def onClicked(self):
            seen.append(True)

    button = qt.QPushButton()
    button.connect("clicked()", Panel().onClicked)
    clicked(button)
    assert seen == [True]


@pytest.mark.parametrize("signature", ["clickd()", "clicked(int)", "clicked", "valueChanged(int)"])
def test_a_signal_that_does_not_exist_raises(signature):
    with pytest.raises(StageError):
        qt.QPushButton().connect(signature, print)


def test_the_name_of_a_signal_that_does_not_exist_raises():
    with pytest.raises(AttributeError):
        qt.QPushButton().clickd.connect(print)


def test_a_signal_is_no_slot_and_cannot_be_overwritten():
    first, second = qt.QPushButton(), qt.QPushButton()
    with pytest.raises(StageError):
        first.connect("clicked()", second.clicked)
    with pytest.raises(AttributeError, match="signal"):
        first.clicked = print


def test_disconnecting_one_receiver_leaves_the_others():
    seen = []

    def first():
        seen.append(1)

    def second():
        seen.append(2)

    button = qt.QPushButton()
    button.clicked.connect(first)
    button.clicked.connect(second)
    assert button.clicked.disconnect(first) is True
    assert button.disconnect("clicked(bool)", first) is False
    clicked(button)
    assert seen == [2]


def test_emitting_and_calling_a_signal_are_the_same():
    seen = []
    button = qt.QPushButton()
    button.clicked.connect(lambda checked: seen.append(checked))
    button.clicked(True)
    button.clicked.emit(False)
    button.clicked()
    assert seen == [True, False, False]


def test_blocked_signals_do_not_arrive():
    seen = []
    slider = ctk.ctkSliderWidget()
    slider.valueChanged.connect(seen.append)
    former = slider.blockSignals(True)
    slider.value = 3
    slider.blockSignals(former)
    slider.value = 4
    assert seen == [4]


def test_an_exception_in_a_slot_is_collected_and_the_next_slot_still_runs():
    seen = []

    def bad():
        raise ValueError("in a slot")

    button = qt.QPushButton()
    button.clicked.connect(bad)
    button.clicked.connect(lambda: seen.append(True))
    clicked(button)
    assert seen == [True]
    assert len(failures.texts) == 1 and "in a slot" in failures.texts[0]
    failures.clear()


def test_a_slot_with_too_many_parameters_is_a_collected_failure():
    button = qt.QPushButton()
    button.connect("clicked()", lambda first, second: None)
    clicked(button)
    assert "TypeError" in failures.texts[0]
    failures.clear()


def test_an_object_may_receive_by_slot_signature():
    button, box = qt.QPushButton(), qt.QCheckBox()
    box.checked = True
    button.connect("clicked(bool)", box, "setChecked(bool)")
    clicked(button)
    assert not box.checked
    with pytest.raises(StageError, match="no slot"):
        button.connect("clicked(bool)", box, "setChecked(int)")


def test_what_a_process_prints_arrives_through_its_signals():
    import sys

    from stage.gui import events

    lines, ended = [], []
    process = qt.QProcess()
    process.connect(
        "readyReadStandardOutput()",
        lambda: lines.append(process.readAllStandardOutput().data().decode("utf-8", "replace")),
    )
    process.connect("finished(int,QProcess::ExitStatus)", lambda code, status: ended.append((code, status)))
    process.start(sys.executable, ["-c", "print('hello')"])
    events.waitUntil(lambda: ended, 20000)
    assert "".join(lines).strip() == "hello" and ended == [(0, 0)]
