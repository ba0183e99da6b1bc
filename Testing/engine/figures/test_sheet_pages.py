"""Contact sheets on pages, with short names; what stands behind a colour photo; how opaque signed values are."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from engine import sheet_cases
from seghirescam.figures import sheet_bands
from seghirescam.figures.layer_labels import full_names, layer_labels
from seghirescam.figures.sheet_bands import pages_of
from seghirescam.figures.sheet_cells import lay_out
from seghirescam.figures.sheet_pages import draw_pages
from seghirescam.figures.style import colours, in_grey, save_pages, signed_alpha
from seghirescam.protocol.explanation import LayerInfo
from seghirescam.session.context_methods import INPUT

METHODS = ("seg_hires_grad_cam", "seg_grad_cam", "seg_layer_cam", "saliency")
LAYERS = ("encoder.1", "encoder.2", "decoder.1")


@pytest.fixture(scope="module")
def compared():
    return sheet_cases.compared(METHODS, LAYERS)


def layer(name, part="encoder", stride=(4, 4, 4), cells=(8, 8, 8)):
    return LayerInfo(name, 8, cells, stride, part, True, mm_per_cell=(4.0, 4.0, 4.0))


def test_long_names_stand_above_a_column_as_part_and_stride_and_whole_in_the_caption():
    long = "model.1.submodule.1.submodule"
    given = [
        layer("encoder.1"), layer(long), layer(f"{long}.1", stride=(1, 2, 2)),
        layer(f"{long}.0.conv", "decoder", (1, 8, 8), (1, 4, 4)),
        layer(f"{long}.1.conv", "decoder", (1, 8, 8), (1, 4, 4)),
    ]  # fmt: skip
    labels = [
        "encoder.1",
        "encoder, stride 4",
        "encoder, stride 1 x 2 x 2",
        "decoder, stride 8 a",
        "decoder, stride 8 b",
    ]
    assert layer_labels(given) == labels
    pairs = zip(labels[1:], given[1:], strict=True)
    assert full_names(given) == "; ".join(f"{label}: {one.name}" for label, one in pairs)
    assert full_names(given[:1]) == ""


def test_the_sheet_s_heads_are_the_short_names(compared):
    image, found = compared
    renamed = {name: f"network.model.submodule.{name}" for name in LAYERS}
    new = {x.name: replace(x, name=renamed.get(x.name, x.name)) for x in found.layers}
    cells = tuple(tuple(c and replace(c, layer=new[c.layer.name]) for c in row) for row in found.cells)
    (figure,), caption = draw_pages(replace(found, layers=tuple(new.values()), cells=cells), image)
    heads = [text.get_text() for text in figure.texts]
    for label in layer_labels(list(new.values())[:3]):
        assert label in heads and f"{label}: network.model.submodule." in caption
    assert not any("submodule" in text for text in heads[:-1])  # the last is the caption


def test_more_methods_and_layers_than_fit_go_on_pages_of_one_scale_with_every_cell_once(
    compared, monkeypatch, tmp_path
):
    image, found = compared
    (whole,) = pages_of(found)
    assert [(len(band.lines), band.wide) for band in whole] == [(3, 3), (1, 1)]
    monkeypatch.setattr(sheet_bands, "ROWS", 2)
    monkeypatch.setattr(sheet_bands, "COLUMNS", 2)
    pages = pages_of(found)
    # 3 methods and 3 layers: bands of 1 or 2 rows and columns; a single row of maps on the image joins the last page
    assert [[(len(band.lines), band.wide) for band in page] for page in pages] == [
        [(2, 2)], [(2, 1)], [(1, 2), (1, 1), (1, 1)],
    ]  # fmt: skip
    ours = [id(cell) for page in pages for band in page for _, cells in band.lines for cell in cells]
    assert sorted(ours) == sorted(id(cell) for cell in found)
    sheet = lay_out(found, 0.8)
    figures, caption = draw_pages(found, image, sheet=sheet)
    limits = {axis.images[1].get_clim() for figure in figures for axis in figure.axes if len(axis.images) > 1}
    assert len(limits) == 1 and limits.pop()[1] == pytest.approx(sheet.highest)
    assert all(f"Page {n} of 3. Evidence for" in caption for n in range(1, 4))
    save_pages(figures, tmp_path / "sheet.pdf")
    content = (tmp_path / "sheet.pdf").read_bytes()
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") == 3
    assert b"CreationDate" not in content and b"Producer" not in content


@pytest.mark.parametrize(
    ("methods", "layers", "inputs", "pages_alone"),
    [(1, 1, 0, 0), (2, 9, 2, 0), (4, 9, 1, 0), (7, 4, 7, 0), (12, 13, 7, 1), (0, 0, 9, 1), (6, 9, 7, 1)],
)
def test_no_page_holds_a_single_row_of_maps_on_the_image(methods, layers, inputs, pages_alone):
    columns = [layer(f"encoder.{n}") for n in range(layers)]
    on_image = [layer(INPUT)] if inputs else []
    rows = [SimpleNamespace(at_input=False)] * methods + [SimpleNamespace(at_input=True)] * inputs
    cells = [tuple(SimpleNamespace(layer=x) for x in (on_image if row.at_input else columns)) for row in rows]
    pages = pages_of(SimpleNamespace(methods=rows, layers=[*columns, *on_image], cells=cells))
    heights = [sum(len(band.lines) for band in page) for page in pages]
    assert max(heights) <= 7 and all(band.wide <= 6 for page in pages for band in page)
    assert sum(len(c) for page in pages for band in page for _, c in band.lines) == methods * layers + inputs
    alone = [page for page in pages if not any(band.columns for band in page)]
    assert len(alone) == pages_alone
    assert all(sum(len(band.lines) for band in page) > 1 for page in alone)


def test_a_colour_photo_stands_behind_in_the_brightness_of_its_colours():
    colour = np.array([[[1.0, 0, 0], [0, 1, 0]], [[0, 0, 1], [1, 1, 1]]])
    assert in_grey(colour) == pytest.approx(np.array([[0.2126, 0.7152], [0.0722, 1.0]]))


def test_signed_values_are_as_opaque_as_they_are_large_and_nothing_at_zero_of_either_sign():
    values = np.array([-4.0, -1.0, 0.0, 1.0, 4.0, 9.0, np.nan])
    assert signed_alpha(values, 4.0) == pytest.approx([0.85, 0.425, 0, 0.425, 0.85, 0.85, 0])
    below, above = (np.array(colours(True)(at)[:3]) for at in (0.49, 0.51))
    # no white in the middle, which would lie on the anatomy like a veil: blue against, red for
    assert below[2] - below[0] > 0.5 and above[0] - above[2] > 0.5
