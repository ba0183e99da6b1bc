"""Comparisons: explain()'s own maps, one scale for all cells, and a sentence where a method cannot work."""

import math

import numpy as np
import pytest
import torch

from engine import toys
from engine.grids import oblique
from engine.windowed_models import windows
from seghirescam.cam.methods import method, methods
from seghirescam.comparison.bibliography import bibliography
from seghirescam.comparison.compare import all_methods, compare, shown
from seghirescam.evaluation.metrics.body import body_of
from seghirescam.evaluation.metrics.shares import share
from seghirescam.figures.contact_sheet import SheetLook, draw_sheet
from seghirescam.figures.sheet_cells import lay_out
from seghirescam.figures.slices import turned
from seghirescam.figures.style import save
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.display.thresholds import threshold_holding
from seghirescam.protocol.errors import ClassError, EmptyPixelSetError, LayerError, MethodError
from seghirescam.protocol.grid import Grid, canonical
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.recipes import PredictedClass, Segment, WholeImage
from seghirescam.session.explain import explain

CLASSES = ("background", "lesion", "other")
SHAPE = (8, 12, 16)
LAYERS = ("encoder.1", "encoder.2", "decoder.1")
METHODS = ("seg_hires_grad_cam", "seg_grad_cam", "seg_ablation_cam", "cam", "seg_lift_cam", "saliency")


def case(model=None, grid=None):
    grid = grid or Grid.from_spacing(SHAPE, (3.0, 1.0, 1.5))
    array = np.random.default_rng(3).normal(size=(1, *SHAPE)).astype(np.float32)
    mask = np.zeros(SHAPE)
    mask[2:5, 4:8, 5:11] = 1
    model = model or PlainModel(toys.make().float(), CLASSES, divisor=4)
    return model, Image(array, grid), PixelSet(mask, grid, "segment 'lesion'")


@pytest.fixture(scope="module")
def compared():
    model, image, pixels = case()
    return (
        model,
        image,
        pixels,
        compare(model, image, pixels, class_index=1, methods=list(METHODS), layers=list(LAYERS)),
    )


def test_every_map_is_explain_s_bit_for_bit(compared):
    model, image, pixels, found = compared
    checked = 0
    for cell in found:
        if cell.explanation is None:
            continue
        layers = "main" if cell.layer.name == "input" else [cell.layer.name]
        (truth,) = explain(model, image, pixels, class_index=1, methods=cell.method.name, layers=layers)
        assert np.array_equal(cell.explanation.map, truth.map), (cell.method.name, cell.layer.name)
        assert cell.explanation.score == truth.score and cell.explanation.grid.same_as(truth.grid, 1e-9)
        checked += 1
    assert checked == 4 * 3 + 1 + 1


def test_rows_are_methods_columns_layers_and_the_image_itself_comes_last(compared):
    *_, found = compared
    assert [m.name for m in found.methods] == list(METHODS)
    assert [x.name for x in found.layers] == [*LAYERS, "input"]
    for row, name in zip(found.cells, METHODS, strict=True):
        assert [cell is not None for cell in row] == (
            [False] * 3 + [True] if name == "saliency" else [True] * 3 + [False]
        )


def test_a_method_that_cannot_work_at_a_layer_says_so_in_its_cell_and_others_go_on(compared):
    *_, found = compared
    cam = found.cells[METHODS.index("cam")]
    assert [c.status for c in cam[:3]] == ["refused", "refused", "ok"]
    for cell in cam[:2]:
        assert cell.refused == f"CAM needs a layer that feeds a linear 1x1 head, and '{cell.layer.name}' does not."
        facts = found.facts(cell)
        assert facts["status"] == "refused" and facts["reason"].startswith(cell.refused) and facts["total"] is None


def test_all_gradient_methods_at_all_layers_share_one_forward_pass():
    model, image, pixels = case()
    calls = []
    model.network.register_forward_hook(lambda *what: calls.append(1))
    compare(model, image, pixels, class_index=1, methods=["seg_hires_grad_cam"], layers=[LAYERS[0]])
    alone, calls[:] = len(calls), []
    names = ["seg_hires_grad_cam", "seg_grad_cam", "seg_xgrad_cam", "seg_layer_cam", "seg_xres_cam", "seg_eigen_cam"]
    found = compare(model, image, pixels, class_index=1, methods=names, layers=list(LAYERS))
    assert len(calls) <= alone
    assert {cell.together for cell in found} == {18} and len({cell.seconds for cell in found}) == 1


@pytest.mark.parametrize("grid", [None, oblique(SHAPE)])
def test_on_the_common_scale_every_map_integrates_to_one_whatever_its_unit(grid):
    model, image, pixels = case(grid=grid)
    names = ["seg_hires_grad_cam", "seg_grad_cam_pp", "seg_eigen_cam", "seg_score_cam"]
    found = compare(model, image, pixels, class_index=1, methods=names, layers=list(LAYERS))
    units = set()
    for cell in found:
        density = cell.explanation.resampled_to(image.grid).array
        values = shown(density, image.grid)
        whole = values.sum(dtype=np.float64) * image.grid.voxel_ml
        if (density > 0).any():
            assert whole == pytest.approx(1, abs=1e-5)
            # the positive part, scaled by one number
            positive = np.maximum(density, 0).astype(np.float64)
            factor = positive.sum() * image.grid.voxel_ml
            assert np.abs(values * factor - positive).max() <= 1e-6 * positive.max()
        units.add(cell.explanation.unit)
    assert units == {"logit", "arbitrary"}


def test_a_map_without_positive_evidence_is_zero_on_the_scale_and_so_are_values_that_are_not_finite():
    grid = Grid.from_spacing((2, 2, 2))
    assert not shown(-np.ones((2, 2, 2), np.float32), grid).any()
    values = np.zeros((2, 2, 2), np.float32)
    values[0, 0, 0], values[0, 0, 1], values[1, 1, 1] = np.nan, np.inf, 3.0
    assert (
        shown(values, grid)[1, 1, 1] * grid.voxel_ml == pytest.approx(1) and np.count_nonzero(shown(values, grid)) == 1
    )


def test_the_facts_are_those_of_the_density_and_the_segment_as_it_was_drawn(compared):
    _, image, pixels, found = compared
    mask, body = pixels.weights > 0, body_of(image)
    for cell in found:
        if cell.explanation is None:
            continue
        density, facts = cell.explanation.resampled_to(image.grid).array, found.facts(cell)
        assert facts["total"] == cell.explanation.total and facts["score"] == cell.explanation.score
        inside, even = share(density, mask), (mask & body).sum() / body.sum()
        assert facts["chance"] == pytest.approx(even, rel=1e-12) and facts["chance_over"] == "body"
        if math.isnan(inside):
            assert facts["inside"] is None and facts["lift"] is None
        else:
            assert facts["inside"] == pytest.approx(inside, rel=1e-12)
            assert facts["lift"] == pytest.approx(inside / even, rel=1e-12)
        arbitrary = cell.explanation.unit == "arbitrary"
        assert facts["completeness"] == (None if arbitrary else cell.explanation.completeness)


def test_the_sheet_shows_the_slice_with_most_evidence_of_those_through_the_pixel_set(compared):
    _, image, pixels, found = compared
    sheet = lay_out(found, 0.8)
    profile = sum(
        shown(c.explanation.resampled_to(image.grid).array, image.grid).sum(axis=(1, 2), dtype=np.float64)
        for c in found if c.explanation
    )  # fmt: skip
    profile[~(pixels.weights > 0).any(axis=(1, 2))] = -1
    assert sheet.plane[0] == "Axial" and sheet.at[0] == int(np.argmax(profile)) and sheet.chosen
    for cell in found:
        panel = sheet.of(cell)
        if cell.explanation is None:
            assert panel is None
            continue
        values = shown(cell.explanation.resampled_to(image.grid).array, image.grid)
        assert np.array_equal(panel.values, values[sheet.at[0]])
        assert panel.level == threshold_holding(values, 0.8)
    assert sheet.highest == max(float(sheet.of(c).values.max()) for c in found if c.explanation)


@pytest.mark.parametrize("plane, across", [("axial", 0), ("coronal", 1), ("sagittal", 2)])
def test_the_place_and_the_plane_can_be_chosen_on_any_grid(plane, across):
    model, image, pixels = case(grid=oblique(SHAPE))
    found = compare(model, image, pixels, class_index=1, methods=["seg_hires_grad_cam"], layers=["encoder.1"])
    at = tuple(image.grid.ras((3, 5, 6)))
    sheet = lay_out(found, 0.8, plane, at)
    grid = canonical(image.grid)
    assert sheet.at == tuple(np.round(grid.kji(at)).astype(int)) and not sheet.chosen
    (cell,) = found
    values = turned(shown(cell.explanation.resampled_to(image.grid).array, image.grid), image.grid)
    assert np.array_equal(sheet.of(cell).values, values.take(sheet.at[across], axis=across))


def words_of(figure):
    texts = [t.get_text() for t in figure.texts]
    texts += [t.get_text() for axis in figure.axes for t in axis.texts]
    return " ".join(" ".join(texts).split())


def test_the_sheet_holds_every_cell_on_one_colour_scale_and_says_what_it_shows(compared):
    _, image, _, found = compared
    figure, caption = draw_sheet(found, image)
    overlays = [axis.images[1] for axis in figure.axes if len(axis.images) == 2]
    assert len(overlays) == len(found.explanations()) == 14
    assert len({overlay.get_clim() for overlay in overlays}) == 1
    words = words_of(figure)
    for part in (
        *(m.paper for m in found.methods if not m.at_input), *(m.title for m in found.methods),
        *LAYERS, "cells of 6 x 2 x 3 mm", "mm", "On the image itself",
        "CAM needs a layer that feeds a linear 1x1 head", "Axial slice".lower(), "segment 'lesion' (72 voxels",
        "one logarithmic scale for all cells", "every map adds up to 100 %", "not for diagnosis",
    ):  # fmt: skip
        assert part in words, part
    assert caption in words
    assert "S = " in caption and "'lesion'" in caption


def test_every_word_lies_inside_the_sheet(compared):
    _, image, _, found = compared
    figure, _ = draw_sheet(found, image, SheetLook(share=0.5))
    figure.canvas.draw()
    renderer, page = figure.canvas.get_renderer(), figure.bbox
    for text in [*figure.texts, *(t for axis in figure.axes for t in axis.texts)]:
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page.width and box.y1 <= page.height, text.get_text()


def test_the_files_tell_nothing_but_the_picture(compared, tmp_path):
    _, image, _, found = compared
    figure, _ = draw_sheet(found, image)
    for suffix in ("png", "pdf"):
        save(figure, tmp_path / f"sheet.{suffix}")
        content = (tmp_path / f"sheet.{suffix}").read_bytes()
        for word in (b"/Creator", b"/Producer", b"CreationDate", b"Software", b"tEXt"):
            assert word not in content


def test_models_with_windows_are_compared_too_and_refuse_what_has_no_meaning_there():
    model, image, pixels = case(PlainModel(toys.make().float(), CLASSES, windows=windows((8, 8, 8), (4, 4, 4))))
    names = ["seg_hires_grad_cam", "seg_eigen_cam", "seg_score_cam"]
    found = compare(model, image, pixels, class_index=1, methods=names, layers=["encoder.1", "decoder.1"])
    hires, eigen, score = found.cells
    truth = explain(model, image, pixels, class_index=1, layers=["encoder.1", "decoder.1"])
    assert all(np.array_equal(c.explanation.map, t.map) for c, t in zip(hires, truth, strict=True))
    assert all("has no meaning for a model that averages" in c.refused for c in eigen)
    assert all("has no such image" in c.refused for c in score)


class Deaf(torch.nn.Module):
    """A network with a branch the logits do not depend on."""

    def __init__(self):
        super().__init__()
        self.body, self.side = toys.make().float(), torch.nn.Conv3d(1, 2, 3, padding=1)

    def forward(self, x):
        self.side(x)
        return self.body(x)


def test_a_layer_without_influence_costs_its_own_cells_only():
    model, image, pixels = case(PlainModel(Deaf().eval(), CLASSES, divisor=4))
    names = ["seg_hires_grad_cam", "seg_grad_cam"]
    found = compare(model, image, pixels, class_index=1, methods=names, layers=["side", "body.encoder.1"])
    assert [[c.explanation is None for c in row] for row in found.cells] == [[True, False]] * 2
    assert all("side" in row[0].refused for row in found.cells)


def test_what_is_wrong_with_the_whole_question_is_raised_before_anything_runs():
    model, image, pixels = case()
    calls = []
    model.network.register_forward_hook(lambda *what: calls.append(1))
    for words, error, sentence in (
        ({"class_index": "tumour"}, ClassError, "no class 'tumour'"),
        ({"methods": ["magic"]}, MethodError, "no method 'magic'"),
        ({"methods": ["cam", "cam"]}, MethodError, "named twice"),
        ({"score": "contrast"}, ClassError, "needs a rival class"),
    ):
        with pytest.raises(error, match=sentence):
            compare(model, image, pixels, **({"class_index": 1} | words))
    assert not calls
    with pytest.raises(LayerError, match="'nowhere' cannot be explained"):
        compare(model, image, pixels, class_index=1, layers=["nowhere"])
    with pytest.raises(EmptyPixelSetError):
        compare(model, image, PixelSet(np.zeros(SHAPE), image.grid), class_index=1)


def test_progress_never_falls_back_and_its_exception_stops_the_comparison():
    model, image, pixels = case()
    seen = []
    words = {
        "class_index": 1,
        "methods": ["seg_hires_grad_cam", "seg_ablation_cam"],
        "layers": ["encoder.1", "decoder.1"],
    }
    compare(model, image, pixels, progress=lambda fraction, phase: seen.append((fraction, phase)), **words)
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    assert any("Seg-Ablation-CAM at decoder.1" in phase for _, phase in seen)

    class Stop(Exception):
        pass

    def stop(fraction, phase):
        if "Ablation" in phase:
            raise Stop

    with pytest.raises(Stop):
        compare(model, image, pixels, progress=stop, **words)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.network.modules())


@pytest.mark.parametrize("recipe", [PredictedClass(), WholeImage()])
def test_every_form_of_the_pixel_set_serves(recipe):
    model, image, _ = case()
    found = compare(model, image, recipe, class_index=1, methods=["seg_hires_grad_cam"], layers=["encoder.1"])
    (truth,) = explain(model, image, recipe, class_index=1, layers="encoder.1")
    assert np.array_equal(next(iter(found)).explanation.map, truth.map)
    assert found.mask.any() and (found.mask.all() if isinstance(recipe, WholeImage) else True)
    segment = Segment(PixelSet(found.mask, image.grid))
    again = compare(model, image, segment, class_index=1, methods=["seg_hires_grad_cam"], layers=["encoder.1"])
    assert np.array_equal(again.mask, found.mask)


def test_all_means_every_registered_method_the_paper_s_first_and_those_on_the_image_last():
    names = all_methods()
    assert set(names) == set(methods()) and names[0] == "seg_hires_grad_cam"
    at_input = [methods()[name].at_input for name in names]
    assert at_input == sorted(at_input)


def test_the_bibliography_has_one_entry_a_method_with_balanced_braces_and_its_own_key():
    text = bibliography([method(name) for name in all_methods()])
    keys = [line.split("{")[1].rstrip(",") for line in text.splitlines() if line.startswith("@")]
    assert len(keys) == len(set(keys)) and keys[0] == "rheude2024seghires"
    assert text.count("{") == text.count("}")
    assert text.count("rheude2024seghires") == 1
    assert "M{'e}riaudeau" not in text
