"""Models that go through an image in windows: an answer is the same in any company, to the last bit."""

import numpy as np
import pytest

from engine import windowed_models
from seghirescam.cohort.plans.row import Row
from seghirescam.cohort.running.answers import answered
from seghirescam.cohort.running.model_store import Kept
from seghirescam.cohort.running.row_questions import OpenCase
from seghirescam.cohort.settings import FAST, NONE, Settings
from seghirescam.io.label_maps import Label, LabelMap
from seghirescam.protocol.image import Image

METHODS = ("seg_hires_grad_cam", "seg_grad_cam")


@pytest.fixture
def case(tmp_path):
    array, _ = windowed_models.case()
    labels = np.zeros((1, *windowed_models.SHAPE), np.uint8)
    labels[0, 3:7, 5:10, 6:12], labels[0, 8:11, 10:15, 12:19] = 1, 2
    known = tuple(Label(value, name) for value, name in ((1, "lesion"), (2, "other")))
    found = OpenCase(Image(array.astype(np.float32), windowed_models.GRID), "0" * 64, "", tmp_path)
    found._maps["labels.nrrd"] = LabelMap(labels, windowed_models.GRID, known)
    return found


ROWS = [
    Row("c", ("i.nii",), "m", "", segment="labels.nrrd", label="*"),
    Row("c", ("i.nii",), "m", "lesion"),
    Row("c", ("i.nii",), "m", "other", segment="labels.nrrd", label="other", pixels="segment-and-predicted"),
]


@pytest.mark.parametrize("evaluate", [NONE, pytest.param(FAST, marks=pytest.mark.slow)])
@pytest.mark.parametrize("mirror", [(), (1,)])
def test_windows_and_mirrorings(case, evaluate, mirror):
    model = windowed_models.model(windowed_models.windows(mirror=mirror), folds=2)
    settings, kept = Settings(methods=METHODS, evaluate=evaluate), Kept(model, "0" * 64)
    together, passes = answered(ROWS, case, kept, settings, "cpu")
    assert all(one.failed is None for one in together) and passes > 0
    assert [len(one.lines) for one in together] == [4, 2, 2]
    for n, row in enumerate(ROWS):
        ((alone,), _) = answered([row], case, kept, settings, "cpu")
        assert alone.lines == together[n].lines and alone.by_label == together[n].by_label


def test_the_number_of_passes_is_that_of_one_question_about_all(case):
    model = windowed_models.model(windowed_models.windows())
    settings, kept = Settings(methods=METHODS, evaluate=NONE), Kept(model, "0" * 64)
    each = [answered([row], case, kept, settings, "cpu")[1] for row in ROWS]
    assert answered(ROWS, case, kept, settings, "cpu")[1] < sum(each)
