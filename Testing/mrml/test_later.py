import pytest

from SegHiResGradCAMLib.schedule.Later import Later, Soon


class Timer:
    """As QTimer, rung by the test."""

    def __init__(self):
        self.running, self.gone, self.slot = None, False, None

    def setSingleShot(self, on):
        assert on

    def connect(self, signal, slot):
        assert signal == "timeout()"
        self.slot = slot

    def start(self, ms):
        assert isinstance(ms, int) and ms >= 0 and not self.gone
        self.running = ms

    def stop(self):
        self.running = None

    def deleteLater(self):
        self.gone = True

    def ring(self):
        self.running = None
        self.slot()


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("SegHiResGradCAMLib.schedule.Later.time.monotonic", lambda: now[0])
    return now


def test_one_timer_calls_all_in_the_order_in_which_they_are_due(clock):
    timer, seen = Timer(), []
    later = Later(timer)
    for ms, word in ((500, "late"), (40, "soon"), (0, "first"), (0, "second")):
        later(ms, lambda word=word: seen.append(word))
    assert timer.running == 0 and seen == []
    timer.ring()
    timer.ring()
    assert seen == ["first", "second"] and timer.running in (40, 41)
    clock[0] += 0.03
    timer.ring()  # a timer of Qt may be early
    assert seen == ["first", "second"] and timer.running in (10, 11)
    clock[0] += 0.5
    timer.ring()
    timer.ring()
    assert seen[2:] == ["soon", "late"] and timer.running is None


def test_what_is_called_may_wait_itself_or_raise_and_the_others_go_on(clock):
    timer, seen = Timer(), []
    later = Later(timer)

    def asks():
        timer.ring()  # an event loop of its own, as a question's
        seen.append("answered")

    def breaks():
        raise ValueError

    for fn in (asks, lambda: seen.append("meanwhile"), breaks, lambda: seen.append("after")):
        later(0, fn)
    timer.ring()
    assert seen == ["meanwhile", "answered"]
    with pytest.raises(ValueError):
        timer.ring()
    assert timer.running == 0
    timer.ring()
    assert seen[-1] == "after"


def test_what_is_asked_for_once_comes_once(clock):
    timer, seen = Timer(), []
    later = Later(timer)

    class Reader:
        def read(self):
            seen.append("read")

    reader = Reader()
    for _ in range(3):
        later.once(reader.read)
    timer.ring()
    assert seen == ["read"] and timer.running is None
    later.once(reader.read)
    timer.ring()
    assert seen == ["read", "read"]


def test_closed_nothing_is_called_any_more(clock):
    timer, seen = Timer(), []
    later = Later(timer)
    later(0, lambda: seen.append(1))
    later.close()
    later.close()
    later(0, lambda: seen.append(2))
    timer.slot()
    assert seen == [] and timer.gone and timer.running is None


def test_what_comes_in_quick_succession_is_done_once():
    waiting, seen, number = [], [], [0]
    soon = Soon(lambda ms, fn: waiting.append((ms, fn)), 60, lambda: seen.append(number[0]))
    for number[0] in range(5):
        soon()
    assert len(waiting) == 1 and waiting[0][0] == 60 and seen == []
    waiting.pop()[1]()
    assert seen == [4]
    soon()
    assert len(waiting) == 1
