"""``explain --noise``: the engine's average, told in the sidecar, repeated from it bit for bit."""

import json

import numpy as np

from engine.cli_cases import run, toy
from seghirescam import open_model
from seghirescam.io.label_maps import read_labels
from seghirescam.io.volumes import read_volume
from seghirescam.session.explain import explain


def test_an_average_over_noisy_copies_is_written_told_and_repeated(capsys, tmp_path):
    source, path, segment = toy(tmp_path)
    words = ("explain", source, "--image", path, "--segment", f"{segment}:organ", "--consent", "--device", "cpu")
    asked = ("--class", "organ", "--layer", "down", "--grid", "layer")
    noise = ("--noise", "smoothgrad", "--noise-samples", 3, "--noise-sigma", 0.2, "--random-seed", 5)
    code, _, err = run(capsys, *words, *asked, *noise, "--out", tmp_path / "one")
    assert code == 0, err
    (mine,) = explain(
        open_model(str(source), consent=True), read_volume(path), read_labels(segment).pixel_set("organ"),
        class_index="organ", layers=["down"], noise="smoothgrad", noise_samples=3, noise_sigma=0.2, seed=5,
    )  # fmt: skip
    (sidecar,) = (tmp_path / "one").glob("01_*.json")
    facts = json.loads(sidecar.read_text(encoding="utf-8"))
    (volume,) = (tmp_path / "one").glob("01_*.nii.gz")
    assert np.array_equal(read_volume(volume).array[0], mine.map)
    assert facts["provenance"]["noise"] == mine.provenance["noise"] and facts["provenance"]["noise"]["seed"] == 5
    assert facts["request"]["question"]["noise"] == "smoothgrad"
    code, _, err = run(capsys, *words, "--repeat", sidecar, "--out", tmp_path / "two")
    assert code == 0, err
    (again,) = (tmp_path / "two").glob("01_*.nii.gz")
    assert np.array_equal(read_volume(again).array, read_volume(volume).array)


def test_words_of_noise_that_mean_nothing_are_refused_before_the_model_is_opened(capsys, tmp_path):
    words = ("explain", "no model", "--image", "i", "--class", "organ", "--out", tmp_path / "out")
    for more, sentence in (
        (("--noise-samples", 3), "goes with a kind of it"),
        (("--noise", "vargrad", "--noise-samples", 1), "from 2 to"),
        (("--noise", "smoothgrad", "--noise-sigma", 0), "above 0"),
    ):
        code, _, err = run(capsys, *words, *more)
        assert code == 2 and sentence in err, err
        assert not (tmp_path / "out").exists()
