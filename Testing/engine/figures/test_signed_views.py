"""Both signs wherever maps are drawn: blue against, red for, as opaque as they are large, and it is said."""

import io
import re

import numpy as np
import pytest

from engine import sheet_cases
from seghirescam.comparison.compare import shown
from seghirescam.figures.contact_sheet import SheetLook, draw_sheet
from seghirescam.figures.map_figure import Look, Row, draw
from seghirescam.figures.report.small_slices import small_slices
from seghirescam.figures.share_scale import ShareScale
from seghirescam.figures.sheet_cells import lay_out
from seghirescam.figures.style import LIGHT, new_figure
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image


@pytest.fixture(scope="module")
def compared():
    return sheet_cases.compared(("seg_hires_grad_cam", "seg_grad_cam", "input_x_gradient"), ("encoder.1", "decoder.1"))


def test_a_value_s_place_on_the_scale_is_its_sign_times_the_part_of_the_decades_it_has_climbed():
    scale = ShareScale(0.01, 10.0, signed=True)
    values = np.array([-10, -1, -0.1, -0.01, -0.001, 0, 0.005, 0.01, 0.1, 1, 10, 99])
    expected = [-1, -2 / 3, -1 / 3, 0, 0, 0, 0, 0, 1 / 3, 2 / 3, 1, 1]
    assert scale.positions(values) == pytest.approx(expected, abs=1e-12)


def test_what_speaks_against_is_blue_what_speaks_for_is_red_and_the_weakest_hides_nothing():
    """Four voxels over white; what is seen is colour x alpha + white x (1 - alpha)."""
    figure = new_figure((4, 1), LIGHT)
    axis = figure.add_axes((0, 0, 1, 1))
    ShareScale(0.01, 10.0, signed=True).draw(axis, np.array([[-10.0, -0.1, 0.1, 10.0]]), 0.05, aspect="auto")
    axis.set_axis_off()
    figure.canvas.draw()
    wide = figure.canvas.buffer_rgba().shape[1]  # type: ignore[attr-defined]
    seen = np.asarray(figure.canvas.buffer_rgba())[50, [wide * k // 8 for k in (1, 3, 5, 7)], :3] / 255.0
    assert seen[0, 2] > seen[0, 0] + 0.4 and seen[1, 2] > seen[1, 0] + 0.2  # against
    assert seen[3, 0] > seen[3, 2] + 0.4 and seen[2, 0] > seen[2, 2] + 0.2  # for
    colour, alpha = np.array([0.7, 0.0, 0.08]), 0.85  # the strongest
    assert seen[3] == pytest.approx(colour * alpha + 1 - alpha, abs=0.01)
    overlay = axis.images[0]
    assert overlay.get_alpha()[0] == pytest.approx([0.85, 0.85 / 3**0.5, 0.85 / 3**0.5, 0.85])


def test_a_signed_sheet_shows_what_lies_above_the_level_on_either_side_and_says_how_much_is_against(compared):
    image, found = compared
    sheet = lay_out(found, 0.8, signed=True)
    figure, caption = draw_sheet(found, image, SheetLook(signed=True), sheet)
    overlays = [axis.images[1] for axis in figure.axes if len(axis.images) == 2]
    below = [text.get_text() for text in figure.texts if text.get_text().endswith(" against")]
    seen = 0
    for cell, overlay, words in zip(found, overlays, below, strict=True):
        panel = sheet.of(cell)
        values = shown(cell.explanation.resampled_to(image.grid).array, image.grid, signed=True)
        voxel = image.grid.voxel_ml
        assert np.abs(values).sum(dtype=np.float64) * voxel == pytest.approx(1, abs=1e-5)
        held = np.abs(values)[np.abs(values) >= panel.level].sum(dtype=np.float64) * voxel
        assert 0.8 <= held < 0.85
        against = np.abs(values[values < 0]).sum(dtype=np.float64) * voxel
        assert panel.against == pytest.approx(against)
        assert float(words.split("\n")[1].removesuffix(" % against")) == pytest.approx(100 * against, abs=0.051)
        drawn, cut = overlay.get_array(), panel.values
        assert np.array_equal(~np.ma.getmaskarray(drawn), (np.abs(cut) >= panel.level) & (cut != 0))
        assert np.array_equal(np.sign(drawn.compressed()), np.sign(cut[~drawn.mask]) * (drawn.compressed() != 0))
        assert overlay.get_clim() == (-1, 1)
        assert overlay.get_alpha() == pytest.approx(0.85 * np.sqrt(np.abs(drawn.data)))
        seen += (drawn < 0).sum() > 0 and (drawn > 0).sum() > 0
    assert seen  # a cell with both signs
    assert "Evidence for and against 'lesion'" in caption and "Red speaks for the class, blue against it" in caption
    bar = figure.axes[-1]
    assert (bar.get_title(), bar.get_xlabel()) == ("for", "against") and "both signs" in caption
    assert sheet.highest == pytest.approx(max(np.abs(sheet.of(c).values).max() for c in found))


def test_every_word_of_a_signed_sheet_lies_inside_it_also_where_it_has_one_cell(compared):
    image, found = compared
    _, one = sheet_cases.compared(("saliency",), ("encoder.1",))
    for given in (found, one):
        figure, _ = draw_sheet(given, image, SheetLook(signed=True))
        figure.canvas.draw()
        renderer, page = figure.canvas.get_renderer(), figure.bbox
        labels = [getattr(axis, part).label for axis in figure.axes for part in ("xaxis", "yaxis")]
        titles = [axis.title for axis in figure.axes]
        for text in (*figure.texts, *labels, *titles, *(t for axis in figure.axes for t in axis.texts)):
            if text.get_text():
                box = text.get_window_extent(renderer)
                assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page.width and box.y1 <= page.height, text.get_text()


def pixels(picture):
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(io.BytesIO(picture.png)).convert("RGB")).astype(float) / 255


@pytest.mark.parametrize("behind", [True, False])
def test_a_report_s_small_slices_show_both_signs_each_in_its_colour(behind):
    """A cube of 10 cells, one against and one half as strong for, in one axial slice; over an image of one grey."""
    grid = Grid.from_spacing((10, 10, 10), (4.0, 4.0, 4.0))
    density = np.zeros(grid.shape, np.float32)
    density[5, 2, 2], density[5, 2, 7] = -1.0, 0.5
    image = Image(np.full((1, *grid.shape), 100.0, np.float32), grid) if behind else None
    picture = small_slices(density, grid, "logit/ml", "one", image=image, signed=True)
    shot = pixels(picture)
    blue = shot[..., 2] - shot[..., 0] > 0.4
    red = shot[..., 0] - shot[..., 2] > 0.2
    side = 110 * (5.6 - 2 * 0.12 - 2 * 0.08) / 3 / 10  # of a cell, in pixels
    left = round(110 * 0.12)
    axial = np.s_[:, left : left + round(10 * side)]
    for there, column in ((blue, 10 - 1 - 2), (red, 10 - 1 - 7)):  # right on the left
        found = np.argwhere(there[axial])
        assert abs(len(found) - side**2) < 0.2 * side**2
        assert abs(found[:, 1].mean() - (column + 0.5) * side) < 2
    assert "Red speaks for the class, blue against it" in picture.caption and "1 logit/ml" in picture.caption
    plain = small_slices(density, grid, "logit/ml", "one", image=image)
    assert (
        "Brightest: 0.5 logit/ml" in plain.caption and not (pixels(plain)[..., 2] - pixels(plain)[..., 0] > 0.4).any()
    )


def test_a_map_of_zeros_says_that_nothing_is_coloured():
    grid = Grid.from_spacing((4, 4, 4))
    caption = small_slices(np.zeros(grid.shape, np.float32), grid, "logit/ml", "one", signed=True).caption
    assert caption.startswith("Every value is zero: nothing is coloured.")


def test_the_figure_s_bar_and_caption_say_what_the_two_colours_mean():
    grid = Grid.from_spacing((20, 24, 28))
    density = np.zeros(grid.shape, np.float32)
    density[10, 12, 14], density[10, 12, 18] = 4.0, -3.0
    image = Image(np.ones(grid.shape, np.float32), grid)
    figure = draw(image, [Row(density, density > 0, "Heading", "line", "logit/ml")], Look(signed=True))
    words = " ".join(text.get_text() for text in figure.texts)
    assert "Red speaks for the class, blue against it" in re.sub(r"\s+", " ", words)
    assert any((axis.get_title(), axis.get_xlabel()) == ("for", "against") for axis in figure.axes)
