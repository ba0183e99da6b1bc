"""Explanations in notebooks and files: short, safe, whole, and equal after they were saved and loaded."""

import re

import numpy as np
import pytest

import seghirescam
from seghirescam.evaluation.metrics.ground import Ground
from seghirescam.protocol.display.thresholds import positive
from seghirescam.protocol.errors import DependencyError, ImageError, PixelSetError
from seghirescam.protocol.writing.claims import OutputError

nets = pytest.importorskip("monai.networks.nets")


@pytest.fixture(scope="module")
def found():
    import torch

    torch.manual_seed(0)
    net = nets.UNet(3, 1, 3, (8, 16, 32), (2, 2)).eval()
    rng = np.random.default_rng(2)
    labels = np.zeros((16, 24, 32), np.uint8)
    labels[2:9, 4:12, 6:20] = 1
    labels[10:14, 14:20, 6:20] = 2
    return seghirescam.explain(
        net, rng.random((16, 24, 32), np.float32), labels, value=[1, 2], spacing=(2, 1, 1.5),
        classes=["air", "<b>bone</b>", "lung"], target=1,
    )  # fmt: skip


def test_it_says_in_one_line_what_it_is(found):
    for one in found:
        assert len(repr(one)) < 300 and "\n" not in repr(one) and "logit" in repr(one)
    assert repr(found).count("<Explanation") == 2


def test_every_number_has_its_unit_and_status(found):
    values = found[0].values
    assert {"total", "score", "completeness", "inside"} <= set(values)
    assert values["total"].value == pytest.approx(float(found[0].map.sum(dtype=float))) and values["total"].unit
    assert all(value.status == "ok" for value in values.values())


def test_the_share_inside_is_the_share_of_the_positive_evidence(found):
    one = found[0]
    density = one.resampled_to(one.image.grid).array.astype(float)
    region = np.zeros(density.shape, bool)
    region[:8] = True
    share = one.share_inside(region)
    assert share.value == pytest.approx(positive(density)[region].sum() / positive(density).sum(), rel=1e-6)
    assert share.chance == pytest.approx(Ground.of(one.image).share(density, region).chance) and share.over
    with pytest.raises(PixelSetError, match="one region"):
        one.share_inside([region, region])


def test_a_notebook_shows_picture_facts_and_notes_as_safe_text(found):
    page = found._repr_html_()
    assert page.count("<img") == 1 and "base64," in page and "<b>bone" not in page and "&lt;b&gt;bone" in page
    assert "voxels of 1 x 1 x 1 mm" not in page and page.count("<tr>") == 1 + sum(len(one.values) for one in found)
    assert re.search(r"<td>inside</td><td>[0-9.]+</td><td>[0-9.]+ over the (body|volume)</td><td>ok</td>", page)


def test_a_notebook_without_matplotlib_has_the_facts(found, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    page = found[0]._repr_html_()
    assert "matplotlib" in page and "<img" not in page and "<td>total</td>" in page


@pytest.mark.parametrize("name", ["map.nii.gz", "map.nrrd", "map.mha"])
def test_saved_on_the_layers_grid_it_comes_back_as_it_was(found, tmp_path, name):
    path = found[0].save(tmp_path / name, grid="layer")
    back = seghirescam.Explanation.load(path)
    assert np.array_equal(back.map, found[0].map) and back.score == found[0].score
    assert np.abs(back.grid.ijk_to_ras - found[0].grid.ijk_to_ras).max() < 1e-5
    assert (back.method, back.layer.name, back.notes) == (found[0].method, found[0].layer.name, found[0].notes)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["map.json", name]
    assert len(back.plot(image=found[0].image).axes) > 3
    with pytest.raises(ImageError, match="The image is not known"):
        back.plot()


@pytest.mark.parametrize("kind", ["image", "quarter"])
def test_saved_as_a_density_it_keeps_its_total(found, tmp_path, kind):
    path = found[0].save(tmp_path / "map.nii.gz", grid=kind)
    back = seghirescam.Explanation.load(tmp_path / "map.json")
    image = found[0].image.grid
    grid = image if kind == "image" else found[0].quarter_grid(image)
    assert back.grid.shape == grid.shape and path.exists()
    assert back.total == pytest.approx(found[0].total, rel=1e-5)
    np.testing.assert_allclose(
        back.map / back.grid.voxel_volume, found[0].resampled_to(grid).array, rtol=1e-5, atol=1e-9
    )
    assert "a cell" in back.notes[-1] and ("quarters" in back.notes[-1]) == (kind == "quarter")
    with pytest.raises(OutputError, match="no grid called"):
        found[0].save(tmp_path / "other.nrrd", grid="half")


def test_files_that_are_there_stay_and_pictures_are_drawn(found, tmp_path):
    found[0].save(tmp_path / "map.png", dpi=40)
    assert (tmp_path / "map.png").read_bytes()[:4] == b"\x89PNG"
    before = (tmp_path / "map.png").read_bytes()
    with pytest.raises(OutputError, match="already there"):
        found[1].save(tmp_path / "map.png")
    assert (tmp_path / "map.png").read_bytes() == before
    found[1].save(tmp_path / "map.png", overwrite=True, dpi=40, signed=True, dark=True)
    assert (tmp_path / "map.png").read_bytes() != before
    for name in ("map.txt", ".png"):
        with pytest.raises(OutputError, match="no ending"):
            found[0].save(tmp_path / name)
    with pytest.raises(ImageError, match="no setting"):
        found[0].plot(sharpness=2)
    assert len(found.plot(dpi=40).axes) > len(found[0].plot(dpi=40).axes)
    assert [file.name for file in tmp_path.iterdir()] == ["map.png"]


def test_a_damaged_pair_is_refused(found, tmp_path):
    found[0].save(tmp_path / "map.nrrd", grid="layer")
    sidecar = tmp_path / "map.json"
    good = sidecar.read_text()
    sidecar.write_text(good.replace('"score"', '"skore"'))
    with pytest.raises(OutputError, match="damaged"):
        seghirescam.Explanation.load(tmp_path / "map.nrrd")
    sidecar.write_text("{}")
    with pytest.raises(OutputError, match="no sidecar"):
        seghirescam.Explanation.load(tmp_path / "map.nrrd")
    sidecar.write_text(good)
    found[1].save(tmp_path / "other.nrrd", grid="layer")
    (tmp_path / "other.nrrd").replace(tmp_path / "map.nrrd")
    with pytest.raises(OutputError, match="not the map"):
        seghirescam.Explanation.load(tmp_path / "map.nrrd")


def test_a_bar_moves_closes_and_names_its_package(found, monkeypatch, capsys):
    pytest.importorskip("tqdm")
    import sys

    import torch

    net, image = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.Conv2d(4, 1, 1)), np.ones((8, 8))
    seghirescam.explain(net, image, image > 0, progress=True, layers=["0"])
    assert "100%" in capsys.readouterr().err
    told = []
    seghirescam.explain(net, image, image > 0, progress=lambda share, phase: told.append(share), layers=["0"])
    assert told[-1] == 1.0 and told == sorted(told)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(DependencyError, match="pip install tqdm"):
        seghirescam.explain(net, image, image > 0, progress=True)
