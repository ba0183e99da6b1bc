"""Every form of M, resolved on the model grid: which voxels, how many ml, and what is refused."""

import numpy as np
import pytest

from engine.grids import oblique
from seghirescam import Grid, PixelSet
from seghirescam.protocol.components import extent
from seghirescam.protocol.errors import EmptyPixelSetError, PixelSetError
from seghirescam.protocol.recipes import (
    Box,
    Component,
    FalseNegatives,
    FalsePositives,
    PredictedClass,
    Segment,
    SegmentAndPredicted,
    View,
    Voxel,
    WholeImage,
    as_recipe,
    refuse_empty,
)

SHAPE = (6, 7, 8)


def view(predicted=None, valid=SHAPE, grid=None):
    decided = None if predicted is None else (lambda index: predicted)
    return View(grid or oblique(SHAPE, (3.0, 1.0, 0.5)), valid, 1, "lesion", decided)


def mask(*boxes):
    out = np.zeros(SHAPE, dtype=bool)
    for box in boxes:
        out[tuple(slice(a, b) for a, b in box)] = True
    return out


A, B = mask(((0, 2), (0, 2), (0, 2))), mask(((3, 6), (3, 6), (3, 6)))


def test_a_segment_is_taken_as_it_is_and_counted_in_voxels_and_ml():
    v = view()
    found = Segment(PixelSet(A, v.grid, "segment 'tumour'")).resolve(v)
    assert np.array_equal(found.weights, A) and found.label == "segment 'tumour'"
    assert found.voxels == 8 and found.ml == pytest.approx(8 * 1.5 / 1000)


def test_soft_weights_count_as_fractions():
    v = view()
    soft = PixelSet(A * 0.25, v.grid)
    assert Segment(soft).resolve(v).ml == pytest.approx(0.25 * 8 * 1.5 / 1000) and soft.voxels == 8


def test_predicted_class_and_its_overlap_with_the_segment():
    v = view(A | B)
    assert np.array_equal(PredictedClass().resolve(v).weights, A | B)
    both = SegmentAndPredicted(PixelSet(B | mask(((0, 1), (5, 7), (6, 8))), v.grid, "segment")).resolve(v)
    assert np.array_equal(both.weights, B) and both.label == "segment and predicted lesion"


def test_false_positives_and_false_negatives_against_a_reference():
    v = view(A | B, valid=(5, 7, 8))
    missed = mask(((0, 1), (5, 7), (6, 8)), ((5, 6), (0, 1), (0, 1)))  # the second box lies in the padding
    reference = PixelSet(B | missed, v.grid, "segment 'truth'")
    wrong, lost = FalsePositives(reference).resolve(v), FalseNegatives(reference).resolve(v)
    assert np.array_equal(wrong.weights, A & v.inside())
    assert np.array_equal(lost.weights, missed & v.inside()) and lost.voxels == 4
    assert wrong.label == "false positives of lesion against segment 'truth'"
    with pytest.raises(EmptyPixelSetError, match="false positives of lesion"):
        refuse_empty(FalsePositives(PixelSet(A | B, v.grid, "segment")).resolve(v))
    soft = FalsePositives(PixelSet(A * 0.25, v.grid)).resolve(view(A))
    assert soft.weights.max() == 0.75


def test_padding_belongs_to_no_pixel_set():
    v = view(np.ones(SHAPE, dtype=bool), valid=(4, 7, 8))
    for recipe in (PredictedClass(), WholeImage(), Segment(PixelSet(np.ones(SHAPE), v.grid))):
        assert np.array_equal(recipe.resolve(v).weights, mask(((0, 4), (0, 7), (0, 8))))


def test_a_component_is_the_largest_or_the_one_at_a_point():
    v = view(A | B)
    assert np.array_equal(Component(PredictedClass()).resolve(v).weights, B)
    at = Component(PredictedClass(), at_ras=tuple(v.grid.ras((0.4, 1.2, 0)))).resolve(v)
    assert np.array_equal(at.weights, A) and at.label == "component of predicted lesion at a point"
    with pytest.raises(PixelSetError, match=r"within 2 mm of the point \(the nearest is 3.4 mm"):
        Component(PredictedClass(), at_ras=tuple(v.grid.ras((5, 0, 0))), reach_mm=2.0).resolve(v)
    diagonal = mask(((0, 1), (0, 1), (0, 1)), ((1, 2), (1, 2), (1, 2)))
    assert Component(PixelSet(diagonal, v.grid)).resolve(v).voxels == 2  # corners touch


def test_one_voxel_is_the_nearest_to_the_point_and_outside_is_refused():
    v = view()
    found = Voxel(tuple(v.grid.ras((2.4, 3.3, 4.45)))).resolve(v)
    assert found.voxels == 1 and found.weights[2, 3, 4] == 1
    with pytest.raises(PixelSetError, match="outside the image"):
        Voxel(tuple(v.grid.ras((-1, 0, 0)))).resolve(v)
    with pytest.raises(PixelSetError, match="outside the image"):
        Voxel(tuple(v.grid.ras((5, 0, 0)))).resolve(view(valid=(4, 7, 8)))


def test_a_box_holds_the_voxels_whose_centres_lie_inside_turned_or_not():
    grid = Grid.from_spacing(SHAPE, (3.0, 1.0, 0.5), (10, 20, 30))
    v = view(grid=grid)
    found = Box.between((10.5, 21.5, 32), (12.1, 24.5, 40)).resolve(v)
    assert np.array_equal(found.weights, mask(((1, 4), (2, 5), (1, 5))))
    turned = view()
    to_ras = np.array(turned.grid.ijk_to_ras)
    to_ras[:3, :3] /= np.array([0.5, 1.0, 3.0])
    to_ras[:3, 3] = turned.grid.ras((2, 3, 4))
    assert np.array_equal(Box(to_ras, (1.2, 2.2, 6.2)).resolve(turned).weights, mask(((1, 4), (2, 5), (3, 6))))
    with pytest.raises(PixelSetError, match="No voxel centre lies inside the box"):
        Box.between((0, 0, 0), (1, 1, 1)).resolve(v)


def test_a_set_on_another_grid_is_carried_by_geometry():
    coarse = Grid.from_spacing((3, 3, 3), (4.0, 4.0, 4.0), (1.5, 1.5, 1.5))
    fine = Grid.from_spacing((12, 12, 12))
    block = np.zeros((12, 12, 12))
    block[4:8, 4:8, 4:6] = 1  # half of the middle coarse voxel
    there = PixelSet(block, fine, "block").on(coarse)
    assert there.weights[1, 1, 1] == pytest.approx(0.5) and there.weights.sum() == pytest.approx(0.5)
    assert there.ml == pytest.approx(PixelSet(block, fine).ml)
    away = Grid.from_spacing((3, 3, 3), (4.0, 4.0, 4.0), (100, 100, 100))
    with pytest.raises(PixelSetError, match=r"\(block\) lies outside the image"):
        PixelSet(block, fine, "block").on(away)


def test_empty_and_impossible_sets_are_refused_in_words():
    v = view(np.zeros(SHAPE, dtype=bool))
    with pytest.raises(EmptyPixelSetError, match="predicted lesion has no voxel"):
        refuse_empty(PredictedClass().resolve(v))
    with pytest.raises(EmptyPixelSetError, match="predicted lesion has no voxel"):
        Component(PredictedClass()).resolve(v)
    for bad in (np.full(SHAPE, 2.0), np.full(SHAPE, -0.1), np.full(SHAPE, np.nan)):
        with pytest.raises(PixelSetError, match="between 0 and 1"):
            PixelSet(bad, v.grid)
    with pytest.raises(PixelSetError, match=r"shape \(2, 2, 2\)"):
        PixelSet(np.ones((2, 2, 2)), v.grid)
    with pytest.raises(PixelSetError, match="is no pixel set"):
        as_recipe("the tumour")


def test_the_extent_is_that_of_the_largest_component():
    v = view()
    assert extent(PixelSet(A | B, v.grid)) == (3, 3, 3)
