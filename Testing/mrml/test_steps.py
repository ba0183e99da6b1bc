"""Long work in short pieces: reading of segments and volumes while the event loop, and the user, go on."""

import time

import numpy as np
import pytest

import slicer
from seghirescam.protocol.errors import ImageError, PixelSetError
from SegHiResGradCAMLib import readImage, readPixelSet
from SegHiResGradCAMLib.scene.segments.PixelSetReader import pixelSetSteps
from SegHiResGradCAMLib.scene.volumes.ImageReader import imageSteps
from SegHiResGradCAMLib.scene.volumes.Voxels import Voxels
from SegHiResGradCAMLib.schedule.Steps import Steps, finished
from stage.builders import addSegmentation, addTransform, addVolume, obliqueMatrix

SHAPE = (40, 300, 300)  # several steps


class Loop:
    def __init__(self):
        self.waiting = []

    def schedule(self, ms, fn):
        self.waiting.append(fn)

    def turn(self):
        waiting, self.waiting = self.waiting, []
        for fn in waiting:
            fn()


def slowly(count, value, log):
    """A generator whose every step takes longer than one turn may."""
    try:
        for n in range(count):
            time.sleep(0.03)
            log.append(n)
            yield
    finally:
        log.append("closed")
    return value


@pytest.fixture
def case():
    volume = addVolume(np.random.default_rng(0).integers(-1000, 1000, SHAPE).astype(np.int16), obliqueMatrix())
    mask = np.zeros(SHAPE, dtype=bool)
    mask[5:30, 40:200, 50:260] = np.random.default_rng(1).random((25, 160, 210)) < 0.5
    return volume, addSegmentation(volume, one=mask, two=~mask), mask


def test_small_work_ends_before_start_returns():
    loop, told = Loop(), []
    Steps(loop.schedule).start(iter_of(3), told.append, told.append)
    assert told == [3] and loop.waiting == []


def iter_of(value):
    yield
    return value


def test_long_work_goes_on_with_every_turn_and_can_be_stopped():
    loop, told, log = Loop(), [], []
    steps = Steps(loop.schedule)
    steps.start(slowly(3, "done", log), told.append, told.append)
    assert log == [0] and steps.running
    loop.turn()
    loop.turn()
    loop.turn()
    assert told == ["done"] and log == [0, 1, 2, "closed"] and not steps.running
    steps.start(slowly(3, "again", log), told.append, told.append)
    steps.stop()
    assert log[-1] == "closed" and not steps.running
    loop.turn()
    assert told == ["done"]


def test_what_is_started_later_takes_the_place_of_what_runs():
    loop, told, log = Loop(), [], []
    steps = Steps(loop.schedule)
    steps.start(slowly(5, "first", log), told.append, told.append)
    steps.start(slowly(1, "second", []), told.append, told.append)
    while loop.waiting:
        loop.turn()
    assert told == ["second"] and log == [0, "closed"]


def test_an_error_is_told_once_and_one_of_the_callback_is_the_callers_own():
    loop, told = Loop(), []

    def raising():
        yield
        raise OSError("full")

    Steps(loop.schedule).start(raising(), told.append, lambda error: told.append(str(error)))
    assert told == ["full"]
    with pytest.raises(ZeroDivisionError):
        Steps(loop.schedule).start(iter_of(0), lambda value: 1 / value, told.append)
    assert told == ["full"]


def test_read_in_steps_is_what_is_read_at_once(case):
    volume, segmentation, mask = case
    steps = list(imageSteps(volume))
    assert len(steps) > 1
    image = readImage(volume)
    assert image.array.dtype == np.int16 and (image.array[0] == slicer.util.arrayFromVolume(volume)).all()
    boxed = finished(pixelSetSteps(segmentation, "one", volume))
    assert len(list(pixelSetSteps(segmentation, "one", volume))) > 4
    assert boxed.inner.dtype == np.uint8 and boxed.inner.size < 1.2 * 25 * 160 * 210  # not the whole volume
    assert (boxed.whole().weights == mask).all()
    assert (readPixelSet(segmentation, "two", volume).weights == ~mask).all()


def half(generator):
    next(generator)
    return generator


def test_a_volume_that_changes_while_it_is_read_is_refused(case):
    reading = half(imageSteps(case[0]))
    slicer.util.updateVolumeFromArray(case[0], np.zeros(SHAPE, np.int16))
    with pytest.raises(ImageError, match="changed while it was read"):
        finished(reading)


def test_a_segment_that_is_painted_or_moved_while_it_is_read_is_refused(case):
    volume, segmentation, mask = case
    reading = half(pixelSetSteps(segmentation, "one", volume))
    slicer.util.updateSegmentBinaryLabelmapFromArray((~mask).astype(np.uint8), segmentation, "one", volume)
    with pytest.raises(PixelSetError, match="changed while it was read"):
        finished(reading)
    reading = half(pixelSetSteps(segmentation, "one", volume))
    addTransform(obliqueMatrix(), volume)
    with pytest.raises(PixelSetError, match="changed while it was read"):
        finished(reading)


def test_nodes_that_go_while_they_are_read_do_no_harm(case, mrml):
    volume, segmentation, _ = case
    readings = [half(imageSteps(volume)), half(pixelSetSteps(segmentation, "one", volume))]
    mrml.RemoveNode(volume)
    mrml.RemoveNode(segmentation)
    del volume, segmentation, case
    for reading in readings:
        finished(reading)  # the memory they look at is still theirs


def test_voxels_reach_a_node_without_a_copy(mrml):
    values = np.random.default_rng(4).normal(size=(3, 4, 5)).astype(np.float32)
    voxels, node = Voxels.of(values), mrml.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    node.SetAndObserveImageData(voxels.image)
    assert (slicer.util.arrayFromVolume(node) == values).all()
    voxels.array[1, 2, 3] = 77
    assert slicer.util.arrayFromVolume(node)[1, 2, 3] == 77
