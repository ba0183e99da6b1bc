"""Whether a model is fed as it is meant to be, through the worker process: the engine's rows and verdict."""

import pytest

from engine.workers import Model, balanced, image
from seghirescam.evaluation.feeding.check import check_feeding
from seghirescam.models import open_model
from seghirescam.protocol.arrays import write_array
from seghirescam.protocol.messages import recipe_to_json
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session

pytest.importorskip("monai")


def test_rows_and_verdict_are_the_engine_s_and_the_next_question_is_answered_as_before(worker, tmp_path):
    picture = image(seed=5)
    model = balanced(Model(tmp_path / "model"), picture)
    opened = open_model(model.source, consent=model.sha256)
    segment = PixelSet(open_session(opened, picture).predict(1).weights, picture.grid, "segment 'M'")
    names = iter(f"segment_{n}.npy" for n in range(9))
    recipe = recipe_to_json(segment, lambda array: write_array(worker.folder, next(names), array))
    sent = {"array": write_array(worker.folder, "image.npy", picture.array), "grid": picture.grid.to_json()}
    case = {"model": model.source, "consent_sha256": model.sha256, "image": sent, "device": "cpu"}
    before = worker.ask("predict", **case)["maps"][0]["classes"]
    progress = []
    number = worker.send("check", **case, class_index=1, segment=recipe)
    told = worker.until(number, progress=lambda e: progress.append((e["progress"], e["phase"])))
    mine = check_feeding(open_model(model.source, consent=model.sha256), picture, segment, 1)
    assert told["check"] == mine.to_json() and told["check"]["rows"][0]["dice"] == 1.0
    assert told["check"]["verdict"]["finding"] == "fits as stated"
    assert [f for f, _ in progress] == sorted(f for f, _ in progress)
    assert any("normalisation" in phase for _, phase in progress)
    assert worker.ask("predict", **case)["maps"][0]["classes"] == before
