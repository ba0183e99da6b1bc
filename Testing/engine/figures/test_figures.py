"""Figures of explanations: the right slice, the right way round, the right size, and nothing about anybody."""

import re

import numpy as np
import pytest

from engine.grids import oblique
from engine.volume_files import PATIENT
from seghirescam import Grid, Image
from seghirescam.evaluation.metrics.body import grey_window
from seghirescam.figures.map_figure import DARK, Look, Row, draw, save
from seghirescam.figures.slices import strongest, turned
from seghirescam.protocol.errors import ImageError
from seghirescam.protocol.grid import canonical
from seghirescam.protocol.resampling import resampled


def grids():
    """Axes permuted and flipped in several ways, and turned."""
    shape = (5, 6, 7)
    yield Grid.from_spacing(shape, (3, 2, 1), (-5, 6, 7))
    flipped = np.diag([-1.0, -2.0, 3.0, 1.0])
    yield Grid(shape, flipped)
    permuted = np.array([[0, 0, 3.0, 10], [-2, 0, 0, 5], [0, 1.5, 0, -9], [0, 0, 0, 1]])
    yield Grid(shape, permuted)
    yield oblique(shape)
    yield oblique(shape, flips=(-1, 1, 1))


@pytest.mark.parametrize("grid", list(grids()))
def test_turned_is_the_resampling_to_the_canonical_grid_without_resampling(grid):
    array = np.random.default_rng(0).normal(size=grid.shape).astype(np.float32)
    view = turned(array, grid)
    assert np.shares_memory(view, array)
    assert np.array_equal(view, resampled(array, grid, canonical(grid), order=0))


def case(grid, at):
    """A bright voxel of evidence at an index, in a small pixel set, over a smooth image."""
    density = np.zeros(grid.shape, np.float32)
    density[at] = 4.0
    mask = np.zeros(grid.shape, bool)
    mask[tuple(slice(max(0, n - 1), n + 2) for n in at)] = True
    values = sum(np.meshgrid(*(np.sin(np.linspace(0.4, 2.8, n)) for n in grid.shape), indexing="ij"))
    row = Row(density, mask, "Heading", "line", "logit/ml", inside=1.0, chance=0.01)
    return Image(values.astype(np.float32), grid), row


def panels(figure):
    return [a for a in figure.axes if a.get_title()]


def test_the_slices_go_through_the_strongest_place_and_say_where_that_is_in_mm():
    grid = Grid(
        (20, 24, 28), np.array([[-2.0, 0, 0, 30], [0, -2.0, 0, 40], [0, 0, 3.0, -10], [0, 0, 0, 1]])
    )  # I runs to the left, J to the back: LPS, as most files
    at = (6, 9, 20)
    image, row = case(grid, at)
    right, front, up = grid.ras(at)
    titles = [axis.get_title() for axis in panels(draw(image, [row]))]
    assert titles == [f"Axial, S = {up:.1f} mm", f"Coronal, A = {front:.1f} mm", f"Sagittal, R = {right:.1f} mm"]


def pixel_of(axis, colour=None):
    """(x, y) in mm of the only coloured voxel of a panel, by the axes' own data coordinates."""
    overlay = axis.images[1]
    values = np.ma.filled(overlay.get_array(), 0)
    row, column = np.unravel_index(np.argmax(values), values.shape)
    left, end, low, top = overlay.get_extent()
    return left + (column + 0.5) * (end - left) / values.shape[1], low + (row + 0.5) * (top - low) / values.shape[0]


def test_right_and_front_are_on_the_left_and_one_mm_has_one_length_in_all_panels():
    grid = Grid.from_spacing((20, 24, 28), (3, 2, 2))
    image, row = case(grid, (15, 18, 22))  # high, in front, to the right
    figure = draw(image, [row])
    axial, coronal, sagittal = panels(figure)
    for axis in (axial, coronal, sagittal):
        x, y = axis.transAxes.inverted().transform(axis.transData.transform(pixel_of(axis)))
        assert x < 0.35 and y > 0.6, axis.get_title()
    figure.canvas.draw()
    lengths = []
    for axis in (axial, coronal, sagittal):
        (x0, y0), (x1, y1) = axis.transData.transform([(0, 0), (10, 10)])
        lengths += [abs(x1 - x0), abs(y1 - y0)]
    assert lengths == pytest.approx([lengths[0]] * 6, rel=1e-6)


@pytest.mark.parametrize(("shape", "stacked"), [((40, 45, 50), False), ((12, 60, 60), True), ((30, 24, 28), False)])
def test_no_slice_leaves_the_place_beside_another_empty_and_all_have_one_scale(shape, stacked):
    """A brain's slices differ a little in height: their frames do not. Those of a thin volume stand two by one."""
    grid = Grid.from_spacing(shape, (3, 3, 3))
    everything = Row(np.ones(shape, np.float32), np.ones(shape, bool), "Heading", "line", "logit/ml")
    axes = panels(draw(Image(np.ones((1, *shape), np.float32), grid), [everything]))
    boxes = [axis.get_position() for axis in axes]
    left, right = min(b.x0 for b in boxes), max(b.x1 for b in boxes)
    low, high = min(b.y0 for b in boxes), max(b.y1 for b in boxes)
    assert sum(b.width * b.height for b in boxes) / ((right - left) * (high - low)) > 0.88
    assert (abs(boxes[1].x0 - boxes[2].x0) < 1e-9) == stacked
    assert {round(b.y0, 9) for b in boxes[: 1 if stacked else 3]} == {round(low, 9)}
    for axis, plane in zip(axes, ((1, 2), (0, 2), (0, 1)), strict=True):
        (x0, y0), (x1, y1) = axis.transData.transform([(0, 0), (10, 10)])
        assert abs(x1 - x0) == pytest.approx(abs(y1 - y0), rel=1e-6)
        wide, tall = abs(np.diff(axis.get_xlim())[0]), abs(np.diff(axis.get_ylim())[0])
        extent = axis.images[0].get_extent()
        assert (extent[3], extent[1]) == pytest.approx([3 * shape[a] for a in plane])
        assert wide >= extent[1] - 1e-9 and tall >= extent[3] - 1e-9
        # in the middle of its frame
        assert sum(axis.get_xlim()) / 2 == pytest.approx(extent[1] / 2)
        assert sum(axis.get_ylim()) / 2 == pytest.approx(extent[3] / 2)


def test_the_scale_bar_is_as_long_as_it_says_and_the_outline_lies_around_the_pixel_set():
    grid = Grid.from_spacing((20, 24, 28), (3, 2, 2))
    image, row = case(grid, (10, 12, 14))
    axis = panels(draw(image, [row]))[0]
    text = next(t.get_text() for t in axis.texts if t.get_text().endswith(" mm"))
    bar = next(line for line in axis.lines if line.get_linewidth() == 2.5)
    assert abs(np.diff(bar.get_xdata())[0]) == float(text.removesuffix(" mm"))
    (outline,) = [c for c in axis.collections if c.get_paths() and len(c.get_paths()[0].vertices) > 4]
    low, high = outline.get_paths()[0].vertices.min(axis=0), outline.get_paths()[0].vertices.max(axis=0)
    x, y = pixel_of(axis)
    # three voxels of 2 mm, contoured half way between centres
    assert (low, high) == (pytest.approx([x - 3, y - 3]), pytest.approx([x + 3, y + 3]))


def test_only_the_region_with_the_share_is_coloured_on_a_scale_that_ends_at_the_strongest():
    grid = Grid.from_spacing((20, 24, 28))
    image, row = case(grid, (10, 12, 14))
    row.density[10, 12, 15] = 2.0
    row.density[10, 12, 16] = 0.5
    row.density[10, 12, 20] = -9.0
    axis = panels(draw(image, [row], Look(share=0.9)))[0]
    shown = axis.images[1].get_array()
    assert sorted(shown.compressed()) == [2.0, 4.0]  # 6 of 6.5
    assert axis.images[1].get_clim() == (0, 4.0)
    signed = panels(draw(image, [row], Look(share=0.9, signed=True)))[0].images[1]
    assert sorted(signed.get_array().compressed()) == [-9.0, 2.0, 4.0] and signed.get_clim() == (-9.0, 9.0)
    assert panels(draw(image, [row], Look(maximum=20.0)))[0].images[1].get_clim() == (0, 20.0)


def test_a_map_with_nothing_to_show_says_why_and_is_cut_at_the_pixel_set():
    grid = Grid.from_spacing((20, 24, 28))
    image, row = case(grid, (10, 12, 14))
    empty = Row(-row.density, row.mask, "Heading", "line", "logit/ml", reason="No cell speaks for the class.")
    figure = draw(image, [empty])
    assert strongest(-row.density, row.mask) == (10, 12, 14)
    assert any("No cell speaks for the class." in text.get_text() for text in figure.texts)
    assert all(axis.images[1].get_array().count() == 0 for axis in panels(figure))


def test_a_single_slice_makes_a_single_panel_and_an_oblique_volume_says_so():
    image, row = case(Grid.from_spacing((1, 24, 28)), (0, 12, 14))
    assert len(panels(draw(image, [row]))) == 1
    image, row = case(oblique((20, 24, 28)), (10, 12, 14))
    assert all("along the image's axes" in axis.get_title() for axis in panels(draw(image, [row])))


def test_every_word_lies_inside_the_picture_and_no_two_rows_overlap():
    image, row = case(Grid.from_spacing((20, 24, 28)), (10, 12, 14))
    figure = draw(image, [row, row], Look(theme=DARK))
    figure.canvas.draw()
    renderer, page = figure.canvas.get_renderer(), figure.bbox
    boxes = [text.get_window_extent(renderer) for text in figure.texts]
    for box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page.width and box.y1 <= page.height
    upper, lower = boxes[: len(boxes) // 2], boxes[len(boxes) // 2 :]
    assert min(b.y0 for b in upper) > max(b.y1 for b in lower)


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_the_file_tells_nothing_but_the_picture(tmp_path, suffix):
    image, row = case(Grid.from_spacing((20, 24, 28)), (10, 12, 14))
    place = tmp_path / PATIENT
    place.mkdir()
    save(draw(image, [row]), place / f"f.{suffix}")
    content = (place / f"f.{suffix}").read_bytes()
    for word in (b"Zebra", b"/Creator", b"/Producer", b"CreationDate", b"Software", b"dc:date", b"dc:creator", b"tEXt"):
        assert word not in content, word
    assert not re.search(rb"/(home|tmp|work)/", content)


def test_grey_values_are_soft_tissue_s_for_a_ct_and_the_body_s_own_range_for_an_mr():
    rng = np.random.default_rng(0)
    ct = np.full((20, 40, 40), -1000.0)
    ct[:, 8:32, 8:32] = rng.normal(50, 20, (20, 24, 24))
    assert grey_window(ct) == (-160.0, 240.0)
    mr = np.where(ct < -500, 0, rng.uniform(100, 900, ct.shape))
    low, high = grey_window(mr)
    assert low == 0 and 880 < high <= 900
    assert grey_window(np.full((3, 3, 3), 7.0)) == (7.0, 8.0)


def test_a_place_outside_the_image_is_refused():
    image, row = case(Grid.from_spacing((20, 24, 28)), (10, 12, 14))
    assert panels(draw(image, [row], Look(at_ras=(3, 4, 5))))[0].get_title() == "Axial, S = 5.0 mm"
    with pytest.raises(ImageError, match="lies outside the image"):
        draw(image, [row], Look(at_ras=(3, 4, 500)))
