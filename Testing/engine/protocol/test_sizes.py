"""How large M and the prediction are, in every table; a prediction of nearly everything or of nothing is a note."""

import json

import numpy as np
import pytest

from engine.cli_cases import factory, run, volume
from engine.grids import oblique
from engine.workers import sent
from seghirescam.io.label_maps import read_labels, write_labels
from seghirescam.io.volumes import read_volume
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.sizes import Size, heads, prediction_notes

GRID = Grid.from_spacing((4, 5, 6), (2.0, 1.5, 1.0))


def test_voxels_ml_and_share_in_closed_form():
    mask = np.zeros(GRID.shape, bool)
    mask[1:3, 1:3, 1:4] = True
    size = Size.of(mask, GRID)
    assert (size.voxels, size.image) == (12, 120) and size.ml == pytest.approx(12 * 0.003)
    assert size.words == "12 voxels, 0.036 ml, 10 % of the image" and heads(GRID) == ("voxels", "ml", "of the image")
    assert size.to_json() == pytest.approx({"voxels": 12, "ml": 0.036, "share_of_image": 0.1})
    photo = Size.counted(12, Grid.of_photo((1, 10, 12)))
    assert photo.words == "12 pixels, 10 % of the image" and photo.to_json() == {"pixels": 12, "share_of_image": 0.1}
    assert Size(119_999, 120_000, 1.0).percent == "over 99.9 %" and Size(5, 5, 1.0).percent == "100 %"


def test_what_is_worth_a_note():
    def sized(**voxels):
        return {name: Size(count, 100, None) for name, count in voxels.items()}

    assert prediction_notes(sized(organ=95)) == [] and prediction_notes(sized(organ=1, lesion=0)) == []
    (note,) = prediction_notes(sized(organ=96, lesion=2))
    assert note.startswith("The prediction of organ fills 96 % of the image. Check that the image is what")
    (note,) = prediction_notes(sized(organ=60, lesion=39))
    assert note.startswith("The predicted classes together fill 99 % of the image.")
    assert prediction_notes(sized(organ=60, lesion=39), exclusive=False) == []
    (note,) = prediction_notes(sized(organ=0))
    assert note.startswith("The model predicts no voxel of organ in this image. Check")
    (note,) = prediction_notes(sized(organ=0, lesion=0))
    assert note.startswith("The model predicts none of its classes in this image.")


#: added to the logits of background, organ and lesion
EVERYTHING, NOTHING = (0, 1e3, 0), (1e3, 0, 0)


def one_sided(folder, shift):
    added = f"torch.tensor({list(shift)}, dtype=torch.float32)[:, None, None, None]"
    return factory(folder / "m", forward=f"return self.up(torch.relu(self.down(x))) + {added}")


@pytest.mark.parametrize(
    ("shift", "sentence"),
    [
        (EVERYTHING, "The prediction of organ fills 100 % of the image."),
        (NOTHING, "The model predicts none of its classes"),
    ],
)
def test_predict_and_the_worker_say_it(capsys, tmp_path, worker, shift, sentence):
    source, path = one_sided(tmp_path, shift), volume(tmp_path)
    code, out, err = run(
        capsys, "predict", source, "--image", path, "--consent", "--out", tmp_path / "p.seg.nrrd", "--json"
    )
    assert code == 0 and sentence in err
    told = json.loads(out)
    voxels = 960 if shift is EVERYTHING else 0
    one = told["classes"][0]
    assert (one["value"], one["name"], one["voxels"], one["share_of_image"]) == (1, "organ", voxels, voxels / 960)
    assert one["ml"] == pytest.approx(voxels * oblique((8, 10, 12)).voxel_ml, rel=1e-5)
    assert sentence in told["notes"][-1]
    consent = {"consent_sha256": worker.ask("describe", model=str(source))["consent_sha256"]}
    answer = worker.ask("predict", model=str(source), image=sent(worker, read_volume(path)), **consent)
    assert sentence in answer["notes"][-1]
    words = f"{voxels} voxels, {voxels * oblique((8, 10, 12)).voxel_ml:.3g} ml, {100 if voxels else 0} % of the image"
    assert next(c for m in answer["maps"] for c in m["classes"] if c["name"] == "organ")["size"] == words


def test_a_table_row_says_how_large_m_and_the_prediction_are(capsys, tmp_path):
    source, path = one_sided(tmp_path, EVERYTHING), volume(tmp_path)
    words = ("explain", source, "--consent", "--image", path, "--layer", "down")
    code, out, err = run(capsys, *words, "--class", "organ", "--out", tmp_path / "whole")
    assert code == 0 and "The pixel set (predicted organ) fills 100 % of the image." in err, err
    assert out.splitlines()[0].split()[3:8] == ["voxels", "ml", "of", "the", "image"] and "960" in out.splitlines()[1]
    mask = np.zeros((8, 10, 12), np.uint8)
    mask[2:4, 2:4, 2:5] = 1
    write_labels(tmp_path / "s.seg.nrrd", mask, oblique((8, 10, 12)), {1: "drawn"})
    both = ("--segment", tmp_path / "s.seg.nrrd", "--pixel-set", "false-negatives")
    code, out, err = run(capsys, *words, *both, "--class", "lesion", "--out", tmp_path / "missed")
    assert code == 0 and "The model predicts no voxel of lesion in this image." in err, err
    assert "Predicted lesion: 0 voxels, 0 ml, 0 % of the image, on the model's grid." in out
    facts = json.loads(next((tmp_path / "missed").glob("01*.json")).read_text(encoding="utf-8"))
    assert facts["pixel_set_size"]["voxels"] == 12 and facts["pixel_set_size"]["share_of_image"] == 12 / 960
    assert facts["predicted"]["lesion"]["voxels"] == 0 and facts["provenance"]["pixel_set_share"] == 12 / 960
    assert read_labels(tmp_path / "s.seg.nrrd").pixel_set().voxels == 12
