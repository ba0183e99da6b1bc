"""The public verbs as a newcomer types them; importing the package loads no torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import seghirescam
from seghirescam.demo.case import load_case
from seghirescam.protocol.errors import ModelError, PixelSetError
from seghirescam.protocol.recipes import PredictedClass
from seghirescam.session.opening import open_session


@pytest.fixture(scope="module")
def demo():
    pytest.importorskip("SimpleITK")
    image, segments = load_case()
    return seghirescam.open_model("demo:shortcut"), image, segments["Lesion"]


def test_importing_the_package_and_naming_its_light_parts_loads_no_torch():
    code = (
        "import sys, seghirescam\n"
        "assert {'explain', 'compare', 'evaluate', 'open_model'} <= set(dir(seghirescam))\n"
        "seghirescam.Grid, seghirescam.Image, seghirescam.PixelSet, seghirescam.Question, seghirescam.open_model\n"
        "print('torch' in sys.modules)"
    )
    where = Path(seghirescam.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=where)
    assert done.stdout.split() == ["False"]


def test_every_public_name_is_there_and_no_other():
    assert all(callable(getattr(seghirescam, name)) for name in seghirescam.__all__ if name != "__version__")
    with pytest.raises(AttributeError, match="no attribute 'explian'"):
        _ = seghirescam.explian


def test_explain_compare_and_evaluate_tell_the_same_map(demo):
    model, image, lesion = demo
    (found,) = seghirescam.explain(model, image, lesion, class_index="lesion", layers="encoder.1")
    (again,) = open_session(model, image).ask(lesion, class_index="lesion", layers="encoder.1")
    assert found.score == again.score and np.array_equal(found.map, again.map)
    table = seghirescam.compare(
        model, image, lesion, class_index="lesion", methods=[found.method, "seg_grad_cam"], layers=["encoder.1"]
    )
    first, second = table.explanations()
    assert np.array_equal(first.map, found.map) and second.method == "seg_grad_cam"
    told = seghirescam.evaluate(model, image, lesion, class_index="lesion", layer="encoder.1")
    assert np.array_equal(told.explanation.map, found.map)
    assert told.value("gini").value > 0 and told.trust.gain is None


def test_a_whole_question_may_be_asked_instead_of_its_words(demo):
    model, image, lesion = demo
    question = seghirescam.Question(class_index="lesion", pixel_sets=lesion, layers="encoder.1", score="log_odds")
    (found,) = seghirescam.open_session(model, image).ask(question)
    (again,) = seghirescam.explain(model, image, lesion, class_index="lesion", layers="encoder.1", score="log_odds")
    assert found.score == again.score and np.array_equal(found.map, again.map)
    assert question.words == {
        "class_index": "lesion", "methods": ("seg_hires_grad_cam",), "layers": "encoder.1", "score": "log_odds",
        "rival": None, "side": "auto", "draws": 1, "noise": "none", "noise_samples": 25, "noise_sigma": 0.1,
    }  # fmt: skip


def test_no_set_at_all_is_refused_and_is_not_the_predicted_class(demo):
    model, image, _ = demo
    with pytest.raises(PixelSetError, match="No pixel set was named"):
        seghirescam.explain(model, image, [], class_index="lesion")
    (recipe,) = seghirescam.Question(class_index="lesion").pixel_sets
    assert isinstance(recipe, PredictedClass)


def test_two_models_as_they_are_at_hand_disagree_as_the_engine_says(demo):
    from seghirescam.comparison.two_models.disagree import disagree

    model, image, _ = demo
    found = seghirescam.disagree(["demo:honest", model], image, target="lesion", layers="encoder.2")
    again = disagree(
        [seghirescam.open_model("demo:honest"), model], image, class_index="lesion", layers=["encoder.2", "encoder.2"]
    )
    assert found.rows() == again.rows() and found.models == ("honest (batch norm)", "shortcut (batch norm)")
    predicted = [seghirescam.predict(one, image, "lesion") for one in ("demo:honest", model)]
    assert found.passes == (1, 1) and found.dice > 0.9 and all(one.voxels for one in predicted)
    with pytest.raises(ModelError, match="Two models are compared"):
        seghirescam.disagree(["demo:honest"], image, target="lesion")
