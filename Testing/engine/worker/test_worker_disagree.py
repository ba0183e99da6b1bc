"""The worker's two models: the engine's own numbers, the sets as a label map, and one sentence for what cannot be."""

import numpy as np
import pytest
import torch

from engine.workers import Model, balanced, image
from seghirescam.comparison.two_models.disagree import disagree
from seghirescam.models import open_model
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.arrays import read_array, write_array
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.messages import explanation_from_json
from seghirescam.worker.handlers.disagree import channels_for


def two(folder):
    picture = image()
    torch.manual_seed(4)
    return balanced(Model(folder / "a"), picture), balanced(Model(folder / "b"), picture), picture


def request(worker, model, second, picture, **words):
    name = write_array(worker.folder, "image.npy", picture.array)
    asked = {"model": model.source, "consent_sha256": model.sha256, "class_index": 1, "device": "cpu"}
    asked |= {"second_model": second.source, "second_consent_sha256": second.sha256}
    return asked | {"image": {"array": name, "grid": picture.grid.to_json()}} | words


def test_rows_maps_and_sets_are_the_engine_s_and_the_first_model_is_kept(worker, tmp_path):
    first, second, picture = two(tmp_path)
    progress = []
    number = worker.send("disagree", **request(worker, first, second, picture))
    found = worker.until(number, progress=lambda event: progress.append((event["progress"], event["phase"])))
    models = [open_model(one.source, consent=one.sha256) for one in (first, second)]
    truth = disagree(models, picture, class_index=[1, 1])
    assert found["disagreement"]["dice"] == truth.dice and found["disagreement"]["passes"] == [1, 1]
    maps = [explanation_from_json(one, lambda name: read_array(worker.folder, name)) for one in found["explanations"]]
    assert [one.map.shape for one in maps] == [one.map.shape for one in truth.explanations()]
    for one, mine in zip(maps, truth.explanations(), strict=True):
        assert np.abs(one.map - mine.map).max() <= 1e-6 * np.abs(mine.map).max()
    for row, told in zip(found["rows"], truth.rows(), strict=True):
        for key in told:
            if isinstance(told[key], float):
                assert row[key] == pytest.approx(told[key], rel=1e-5), key
            else:
                assert row[key] == told[key], key
    assert [row["map"] for row in found["rows"] if row["status"] != "empty"] == list(range(len(maps)))
    (sets,) = found["maps"]
    labels = read_array(worker.folder, sets["array"])
    for value, one in enumerate(truth.sets, start=1):
        assert np.array_equal(labels == value, one.mask)
    assert [told["voxels"] for told in sets["classes"]] == [one.size.voxels for one in truth.sets]
    assert progress == sorted(progress, key=lambda pair: pair[0]) and progress[-1][0] >= 0.9
    kept = worker.until(worker.send("probe"))
    assert kept["model"] == models[0].kind and kept["recorded"]


def test_large_maps_stay_and_a_second_model_needs_a_yes_of_its_own(worker, tmp_path):
    first, second, picture = two(tmp_path)
    found = worker.until(worker.send("disagree", **request(worker, first, second, picture, most_cells=1)))
    assert found["explanations"] == []
    assert all("million cells" in row["left_out"] for row in found["rows"] if row["side"])
    without = request(worker, first, second, picture) | {"second_consent_sha256": None}
    error = worker.until(worker.send("disagree", **without))
    assert error["code"] == "consent"
    error = worker.until(worker.send("disagree", **request(worker, first, second, picture, second_class="liver")))
    assert error["code"] == "class" and "liver" in error["sentence"]


def test_channels_go_by_name_where_both_models_name_them():
    first = PlainModel(torch.nn.Conv3d(2, 2, 1), ["a", "b"], channels=["T1", "FLAIR"], spatial_dims=3)
    other = PlainModel(torch.nn.Conv3d(2, 2, 1), ["a", "b"], channels=["flair", "t1"], spatial_dims=3)
    third = PlainModel(torch.nn.Conv3d(2, 2, 1), ["a", "b"], channels=["CT", "PET"], spatial_dims=3)
    picture = Image(np.random.default_rng(0).normal(size=(2, 2, 3, 4)), Grid.from_spacing((2, 3, 4)))
    assert np.array_equal(channels_for(other, first, picture).array, picture.array[::-1])
    assert channels_for(third, first, picture) is picture and channels_for(first, first, picture) is picture
