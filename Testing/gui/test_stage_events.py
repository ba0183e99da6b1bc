import os
import subprocess
import sys
import time

import pytest
import qt

from stage.gui import StageError, events, failures


def test_a_timer_fires_while_the_loop_runs():
    seen = []
    qt.QTimer.singleShot(10, lambda: seen.append(True))
    assert seen == []
    events.waitUntil(lambda: seen)


def test_waiting_in_vain_says_for_what():
    with pytest.raises(StageError, match="50 ms still not: the map"):
        events.waitUntil(lambda: False, 50, "the map")


def test_an_exception_in_a_timer_is_collected():
    def bad():
        raise ValueError("in a timer")

    qt.QTimer.singleShot(0, bad)
    events.waitUntil(lambda: failures.texts)
    assert "in a timer" in failures.texts[0]
    failures.clear()


def test_a_warning_of_qt_itself_is_collected():
    process = qt.QProcess()
    process.start(sys.executable, ["-c", "import time; time.sleep(60)"])
    assert process.waitForStarted()
    process.delete()
    assert failures.texts and failures.texts[0].startswith("Qt: QProcess: Destroyed while process")
    failures.clear()


def test_the_longest_gap_of_the_event_loop_is_measured():
    qt.QTimer.singleShot(10, lambda: time.sleep(0.3))
    with events.LoopGap() as gap:
        events.wait(500)
    assert 0.29 < gap.longest < 2.0


def test_the_gap_counts_computing_and_not_what_others_take():
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        with events.LoopGap() as gap:
            qt.QTimer.singleShot(10, lambda: sum(n * n for n in range(3_000_000)))
            events.wait(1500)
    finally:
        for one in others:
            one.kill()
            one.wait()
    assert 0.05 < gap.longest < 0.9


def test_a_loop_that_is_never_held_has_a_small_gap():
    with events.LoopGap() as gap:
        events.wait(300)
    assert gap.longest < 0.25


def test_a_dialog_nobody_answers_ends_and_fails_the_test(monkeypatch):
    from stage.gui import dialogs

    monkeypatch.setattr(dialogs, "PATIENCE_MS", 50)
    assert qt.QMessageBox().exec_() != qt.QMessageBox.Ok
    assert "waited for a user" in failures.texts[0]
    failures.clear()
    with pytest.raises(StageError, match="asked the user"):
        qt.QMessageBox.question(None, "title", "really?")


def test_a_test_may_answer_a_dialog():
    box = qt.QMessageBox()
    box.setStandardButtons(qt.QMessageBox.Ok | qt.QMessageBox.Cancel)
    qt.QTimer.singleShot(20, lambda: box.button(qt.QMessageBox.Ok).click())
    assert box.exec_() == qt.QMessageBox.Ok


def test_a_dialog_that_is_told_to_go_first_is_asked_all_the_same():
    box = qt.QMessageBox()
    box.setStandardButtons(qt.QMessageBox.Ok | qt.QMessageBox.Cancel)
    box.deleteLater()
    qt.QTimer.singleShot(20, lambda: box.button(qt.QMessageBox.Ok).click())
    assert box.exec_() == qt.QMessageBox.Ok
    with pytest.raises(RuntimeError):
        _ = box.text
