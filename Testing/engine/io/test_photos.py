"""Photos are not patients: pixels and shares of pixels; no millimetres, millilitres, sides of a patient or planes."""

import csv
import json
import re

import numpy as np
import pytest

from engine.cli_cases import run
from engine.colour_cases import colour_model, picture
from seghirescam.cli.sidecars import read_sidecar
from seghirescam.io.colour_images import read_rgb
from seghirescam.io.label_maps import read_labels, write_labels
from seghirescam.io.photos import is_photo
from seghirescam.io.volumes import read_volume, write_volume
from seghirescam.models import open_model
from seghirescam.protocol.errors import PixelSetError
from seghirescam.protocol.grid import Grid, canonical
from seghirescam.protocol.messages import layer_to_json
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.recipes import Segment
from seghirescam.session.explain import explain

sitk = pytest.importorskip("SimpleITK")
#: for which there is positive evidence
WHY = ("--class", "polyp", "--score", "contrast", "--rival", "background", "--layer", "down")
METHODS = ("--method", "seg_hires_grad_cam", "--layer", "down", "--dpi", 40)
#: what only a patient has
PATIENTS = re.compile(r"\bmm\b|_mm\b|\bml\b|_ml\b|[Aa]xial|[Cc]oronal|[Ss]agittal|\bRAS\b|_to_ras|patient")
ROWS, COLUMNS = 24, 32


def mask_png(folder, name="mask.png", value=255, colour=None):
    """Rows 6 to 13, columns 8 to 19: 96 pixels."""
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    mask[6:14, 8:20] = value
    if colour is None:
        itk = sitk.GetImageFromArray(mask)
    else:
        itk = sitk.GetImageFromArray(np.stack([mask * on for on in colour], -1).astype(np.uint8), isVector=True)
    sitk.WriteImage(itk, str(folder / name))
    return folder / name


def of_patient(text):
    """Sentences of a table or sidecar that only a patient's could say."""
    return PATIENTS.findall(re.sub(r"null", "", text))


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photo")
    path = picture(folder, rows=ROWS, columns=COLUMNS)
    words = ("--image", path, "--segment", mask_png(folder), "--consent", "--device", "cpu")
    return folder, colour_model(folder / "m"), path, words


def test_a_photo_s_grid_counts_pixels_whatever_size_it_would_be_printed_in(tmp_path):
    itk = sitk.ReadImage(str(picture(tmp_path, "a.png", ROWS, COLUMNS)))
    itk.SetSpacing((0.0847, 0.0847))  # 300 dots per inch
    itk.SetOrigin((5, 5))
    sitk.WriteImage(itk, str(tmp_path / "b.tif"))
    for name in ("a.png", "b.tif"):
        grid = read_rgb(tmp_path / name).grid
        assert grid.space == "pixels" and grid.spacing_kji == (1, 1, 1) and grid.voxel_volume == 1.0
        assert (grid.length_unit, grid.volume_unit) == ("pixels", "pixel")
        for other in (Grid.from_json(grid.to_json()), canonical(grid), grid.strided((1, 2, 2), (0, 0, 0), (1, 12, 16))):
            assert other.space == "pixels"
        assert Grid.from_json(grid.to_json()).same_as(grid, 0) and "ijk_to_ras" not in grid.to_json()
        assert grid.placed((3, 5, 0)) == pytest.approx(grid.ras((0, 5, 3)))  # column 3, row 5
    image = read_rgb(tmp_path / "a.png")
    write_volume(tmp_path / "v.nrrd", image.array[0], image.grid)
    assert read_volume(tmp_path / "v.nrrd").grid.space == "patient" and not is_photo(tmp_path / "v.nrrd")
    assert Grid.from_spacing((2, 2, 2)).to_json().keys() == {"shape_kji", "ijk_to_ras"}


def test_its_map_is_a_density_per_pixel(case):
    folder, source, path, _ = case
    model, image = open_model(source, consent=True), read_rgb(path)
    segment = read_labels(folder / "mask.png").pixel_set()
    (found,) = explain(model, image, segment, class_index="polyp", layers="down")
    placed = found.resampled_to(image.grid)
    assert placed.unit == "logit/pixel" and placed.array.sum(dtype=np.float64) == pytest.approx(found.total, rel=1e-5)
    assert placed.integral_after == pytest.approx(found.total, rel=1e-5)
    assert (
        str(found.layer).endswith("cells of 1 x 2 x 2 pixels)")
        and layer_to_json(found.layer)["length_unit"] == "pixels"
    )
    told = json.dumps(found.to_json())
    assert not of_patient(told.replace('"mm_per_cell_kji": null', "")), of_patient(told)
    assert found.to_json()["layer"]["pixels_per_cell_kji"] == [1, 2, 2]
    origin = found.provenance
    assert origin["pixel_set_voxels"] == 96 and origin["pixel_set_share"] == 96 / 768 and "pixel_set_ml" not in origin
    # the same numbers in a patient's space of 1 mm are per ml: a thousand times as many
    patient = Grid(image.grid.shape, image.grid.ijk_to_ras)
    assert found.resampled_to(patient).array.sum() == pytest.approx(1000 * placed.array.sum(), rel=1e-5)


def test_no_command_says_anything_about_a_patient(capsys, case):
    folder, source, _, words = case
    said = {}
    for command, more in (
        ("layers", ()),
        ("explain", (*WHY, "--out", folder / "why")),
        (
            "compare",
            (*WHY[:6], "--method", "seg_hires_grad_cam", "--layer", "down", "--dpi", 40, "--out", folder / "cmp"),
        ),
        ("evaluate", (*WHY, "--labels", folder / "mask.png", "--out", folder / "ev")),
        ("paint", (*WHY, "--control", "--dpi", 40, "--out", folder / "painted")),
        ("predict", ("--out", folder / "p.seg.nrrd")),
    ):
        own = [w for w in words if not (command == "predict" and w in ("--segment", folder / "mask.png"))]
        code, out, err = run(capsys, command, source, *own, *more)
        assert code == 0, err
        said[command] = out + err
        assert not of_patient(out + err), (command, of_patient(out + err), out + err)
    assert "96 pixels, 12.5 % of the image" in said["compare"] and "over the image (768 pixels)" in said["explain"]
    assert re.search(r"pixels +of the image", said["predict"]) and "96" in said["paint"]
    for file in sorted(p for p in folder.rglob("*") if p.suffix in (".json", ".csv", ".txt") and p.parent.name != "m"):
        text = re.sub(
            r'"(mm_per_cell_kji|ml|at_ras|box_ras|region_box|margin_mm)": (null|[\d.]+)',
            "",
            file.read_text(encoding="utf-8"),
        )
        assert not of_patient(text), (file.name, of_patient(text))
    stored = read_sidecar(next((folder / "why").glob("01*.json"))).facts
    assert stored["file"]["space"] == stored["grid"]["space"] == "pixels" and stored["file"]["unit"] == "logit/pixel"
    assert stored["evidence"]["chance_over"] == "image" and stored["evidence"]["chance"] == 96 / 768
    assert stored["pixel_set_size"] == {"pixels": 96, "share_of_image": 96 / 768}
    (row,) = csv.DictReader(open(folder / "cmp" / "table.csv", encoding="utf-8"))
    assert (row["pixels_per_cell_k"], row["pixels_per_cell_j"], row["pixels_per_cell_i"]) == ("1.0", "2.0", "2.0")
    rows = {
        (r["metric"], r["reference"]): r for r in csv.DictReader(open(folder / "ev" / "metrics.csv", encoding="utf-8"))
    }
    assert rows["share_within_5_pixels", "pixel set"]["status"] == "ok" and rows["v50", ""]["unit"] == "pixels"
    assert rows["mean_distance", "pixel set"]["unit"] == "pixels"


def words_in(figure):
    """All that a figure says."""
    import matplotlib.text

    return " | ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text())


def test_figure_takes_the_colour_image_that_explain_took_and_draws_it_in_colour(capsys, case, monkeypatch, tmp_path):
    from seghirescam.figures import map_figure as figures

    _, source, path, words = case
    code, _, err = run(capsys, "explain", source, *words, *WHY, "--out", tmp_path / "why")
    assert code == 0, err
    drawn = []
    monkeypatch.setattr(figures, "save", lambda figure, file, dpi: (drawn.append(figure), file.write_bytes(b"x")))
    code, _, err = run(
        capsys, "figure", tmp_path / "why", "--image", path, "--at", 9, 7, 0, "--out", tmp_path / "f.png"
    )
    assert (code, err) == (0, ""), err
    (figure,) = drawn
    said = words_in(figure)
    assert not of_patient(said) and not re.search(r"(^|\| )[RLAPSI]( \||$)", said), said
    assert "cells of 1 x 2 x 2 pixels" in said and "logit per pixel" in said and "chance over the image: 12.5 %" in said
    shown = figure.axes[0].images[0].get_array()
    # rows and columns as in the file, once the axes' directions are followed: x to the left, y upwards
    seen = np.asarray(shown)[::-1, ::-1]
    assert seen == pytest.approx(np.moveaxis(read_rgb(path).array[:, 0], 0, -1) / 255)
    code, _, err = run(
        capsys, "figure", tmp_path / "why", "--image", path, "--at", 99, 7, 0, "--out", tmp_path / "g.png"
    )
    assert code == 2 and "column, row, 0" in err


def test_places_in_a_photo_are_columns_and_rows(capsys, case, tmp_path):
    _, source, path, _ = case
    sets = ("--pixel-set", "voxel", "--pixel-set", "box", "--at", 9, 7, 0, "--box", 2, 4, 0, 5, 10, 0)
    words = ("--image", path, "--class", "polyp", "--consent", "--layer", "down", *sets)
    code, _, err = run(capsys, "explain", source, *words, "--out", tmp_path / "why")
    assert code == 0, err
    one, box = (read_volume(tmp_path / "why" / f"pixel_set_{n}.nii.gz").array[0, 0] for n in (1, 2))
    assert np.argwhere(one).tolist() == [[7, 9]]
    assert np.argwhere(box).min(0).tolist() == [4, 2] and np.argwhere(box).max(0).tolist() == [10, 5]
    assert box.sum() == 7 * 4


def test_a_png_is_a_label_map_where_its_grey_values_are_labels(tmp_path):
    for name, words in (
        ("grey.png", {}),
        ("as_rgb.png", {"colour": (1, 1, 1)}),
        ("as_rgba.png", {"colour": (1, 1, 1, 1)}),
    ):
        if name == "as_rgba.png":
            itk = sitk.ReadImage(str(mask_png(tmp_path, "c.png", 3, (1, 1, 1))))
            array = np.concatenate([sitk.GetArrayFromImage(itk), np.full((ROWS, COLUMNS, 1), 255, np.uint8)], -1)
            sitk.WriteImage(sitk.GetImageFromArray(array, isVector=True), str(tmp_path / name))
        else:
            mask_png(tmp_path, name, 3, **words)
        found = read_labels(tmp_path / name).pixel_set("3")
        assert found.voxels == 96 and found.weights[0, 6:14, 8:20].all() and found.grid.space == "pixels"
    with pytest.raises(PixelSetError, match="colour picture, and colours are no labels"):
        read_labels(mask_png(tmp_path, "red.png", 200, (1, 0, 0)))
    mask_png(tmp_path, "m.jpg")
    with pytest.raises(PixelSetError, match="does not keep the values of labels"):
        read_labels(tmp_path / "m.jpg")


def test_a_png_mask_lies_on_its_photo_and_gives_the_map_of_the_same_mask_as_nifti(case, tmp_path):
    folder, source, path, _ = case
    model, image = open_model(source, consent=True), read_rgb(path)
    png = read_labels(folder / "mask.png").pixel_set()
    write_labels(tmp_path / "m.nii.gz", (png.weights > 0).astype(np.uint8), image.grid, {1: "polyp"})
    other = read_labels(tmp_path / "m.nii.gz").pixel_set()
    assert isinstance(png, PixelSet) and png.grid.same_as(image.grid)
    words = {"class_index": "polyp", "layers": "down"}
    (a,), (b,) = (explain(model, image, Segment(one), **words) for one in (png, other))
    assert np.array_equal(a.map, b.map) and a.map.any()
