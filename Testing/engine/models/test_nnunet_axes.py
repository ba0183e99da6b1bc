"""The model grid of an nnU-Net model lies where the image lies: turned, transposed, cropped and resampled exactly."""

import itertools

import nibabel
import numpy as np
import pytest
from nibabel.orientations import io_orientation

from engine import nnunet_maker as maker
from seghirescam import Grid, Image, open_model
from seghirescam.models.nnunet.nnunet_axes import Turn, reader_spacing, reader_turn

pytest.importorskip("nnunetv2")

ALL_ORIENTATIONS = [
    (order, flips) for order in itertools.permutations(range(3)) for flips in itertools.product((1, -1), repeat=3)
]


def test_reorienting_is_what_each_reader_s_library_does_in_all_48_orientations():
    import SimpleITK

    array = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    for order, flips in ALL_ORIENTATIONS:
        grid = maker.oblique(array.shape, (1.5, 2.0, 0.7), 24, order, flips)
        nifti = nibabel.Nifti1Image(array.T, grid.ijk_to_ras)
        theirs = nifti.as_reoriented(io_orientation(nifti.affine))
        turn = reader_turn("NibabelIOWithReorient", grid)
        assert np.array_equal(turn.array(array), np.asarray(theirs.dataobj).T)
        assert np.allclose(turn.grid(grid).ijk_to_ras, theirs.affine)
        assert np.array_equal(turn.back(turn.array(array[None])), array[None])

        image = SimpleITK.GetImageFromArray(array)
        lps = np.diag([-1, -1, 1, 1]) @ grid.ijk_to_ras
        image.SetSpacing([float(s) for s in grid.spacing_kji[::-1]])
        image.SetOrigin([float(v) for v in lps[:3, 3]])
        image.SetDirection((lps[:3, :3] / np.linalg.norm(lps[:3, :3], axis=0)).ravel().tolist())
        oriented = SimpleITK.DICOMOrient(image, "RAS")
        turn = reader_turn("SimpleITKIOWithReorient", grid)
        assert np.array_equal(turn.array(array), SimpleITK.GetArrayFromImage(oriented))
        first = np.diag([-1, -1, 1]) @ np.array(oriented.GetOrigin())
        assert np.allclose(turn.grid(grid).ras((0, 0, 0)), first)
        assert reader_turn("SimpleITKIO", grid) == Turn()


def test_a_reader_hands_out_the_spacing_its_file_format_holds(tmp_path):
    from nnunetv2.imageio.nibabel_reader_writer import NibabelIO
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

    grid = maker.oblique((3, 4, 5), (0.7, 1.1, 2.3), 33)
    files = maker.write_nifti(tmp_path, Image(np.ones((3, 4, 5)), grid))
    assert reader_spacing("NibabelIO", grid) == NibabelIO().read_images(files)[1]["spacing"]
    assert np.allclose(reader_spacing("SimpleITKIO", grid), SimpleITKIO().read_images(files)[1]["spacing"], rtol=1e-6)
    assert reader_spacing("SimpleITKIO", grid) == [0.7, 1.1, 2.3]  # no rounding noise from the oblique matrix


#: reader, configuration, plans changed, spacing of the image
CASES = {
    "reorienting": ("NibabelIOWithReorient", "3d_fullres", {}, (1.6, 2.1, 1.3)),
    "as it lies": ("NibabelIO", "3d_fullres", {}, (1.6, 2.1, 1.3)),
    "ITK": ("SimpleITKIO", "3d_fullres", {}, (1.2, 2.5, 0.9)),
    "ITK, reorienting": ("SimpleITKIOWithReorient", "3d_fullres", {}, (1.2, 2.5, 0.9)),
    "another transposition": (
        "SimpleITKIO",
        "3d_fullres",
        {"transpose_forward": [2, 0, 1], "transpose_backward": [1, 2, 0]},
        (1.6, 1.5, 1.8),
    ),
    "slice by slice": ("NibabelIOWithReorient", "2d", {}, (1.6, 2.1, 1.3)),
    "thick slices, nearest between them": ("SimpleITKIO", "3d_fullres", {}, (1.3, 6.4, 1.2)),
}


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    root = tmp_path_factory.mktemp("plans")
    return root, *maker.planned(root)


@pytest.mark.parametrize("case", CASES)
def test_a_bright_cue_lies_where_the_model_grid_says_and_comes_back_to_its_place(case, planned):
    reader, configuration, changed, spacing = CASES[case]
    root, plans, dataset = planned
    plans = {**plans, **changed, "image_reader_writer": reader, "plans_name": f"plans{len(case)}"}
    model = open_model(maker.trained(root, plans, dataset, configuration, mirror=None, steps=0))
    grid = maker.oblique((42, 25, 44), spacing, 20, (2, 0, 1), (-1, 1, -1))
    if case.startswith("thick"):
        grid = maker.oblique((42, 14, 44), spacing, 20, (2, 0, 1), (-1, 1, -1))
    cue = grid.ras(np.array(grid.shape) * (0.4, 0.58, 0.63))
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)
    blob = np.exp(-(np.linalg.norm(grid.ras(index) - cue, axis=-1) ** 2) / (2 * 5.0**2))
    array = 100 + 400 * blob
    border = np.zeros(grid.shape, dtype=bool)
    border[3:-5, 1:-2, 4:-3] = True  # the rest is zero: nnU-Net crops it
    image = Image((array * border).astype(np.float32), grid)

    prepared = model.prepare(image)
    assert prepared.grid.shape != grid.shape and prepared.tensor.shape[2:] == prepared.grid.shape
    seen = prepared.tensor[0, 0].numpy().astype(float)
    weight = np.clip(seen - (seen.max() + np.median(seen)) / 2, 0, None)  # its upper half: no border within reach
    found = np.array([(weight.sum(axis=tuple({0, 1, 2} - {a})) * np.arange(n)).sum() for a, n in enumerate(seen.shape)])
    found /= weight.sum()
    assert np.abs(found - prepared.grid.kji(cue)).max() < 0.5
    if not case.startswith("thick"):
        assert np.abs(found - prepared.grid.kji(cue)).max() < 0.1  # linear or cubic: much better than promised

    # back: a ball decided on the model grid is found around the cue on the image's grid
    model_index = np.stack(np.meshgrid(*[np.arange(n) for n in seen.shape], indexing="ij"), axis=-1)
    distance = np.linalg.norm(prepared.grid.ras(model_index) - cue, axis=-1)
    logits = np.stack([np.zeros(seen.shape), np.full(seen.shape, -9.0), 9.0 - distance]).astype(np.float32)
    labels = model.labels_on_input(logits, prepared, image)
    assert labels.shape == grid.shape and set(np.unique(labels)) == {0, 2}
    back = np.argwhere(labels == 2).mean(axis=0)
    assert np.abs(back - grid.kji(cue)).max() < 0.5
    assert labels[~border].max() == 0  # outside the crop nothing is predicted


def test_the_carried_grid_gives_the_voxels_nnunet_computed(planned):
    """A linear ramp in millimetres is reproduced by any interpolation: every inner voxel names its own place."""
    root, plans, dataset = planned
    plans = {**plans, "plans_name": "ramp"}
    for settings in plans["configurations"].values():
        settings["normalization_schemes"] = ["NoNormalization"]
    model = open_model(maker.trained(root, plans, dataset, "3d_fullres", mirror=None, steps=0))
    grid = maker.oblique((40, 25, 44), (1.6, 2.1, 1.3), 28, (1, 2, 0), (1, -1, -1))
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)
    direction, offset = np.array([0.7, -1.1, 0.4]), 400.0
    prepared = model.prepare(Image(grid.ras(index) @ direction + offset, grid))
    where = np.stack(np.meshgrid(*[np.arange(n) for n in prepared.grid.shape], indexing="ij"), axis=-1)
    wanted = prepared.grid.ras(where) @ direction + offset
    inner = (slice(4, -4),) * 3  # splines bend at the border
    error = np.abs(prepared.tensor[0, 0].numpy() - wanted)[inner].max()
    assert error < 0.01 * min(np.abs(direction) @ np.abs(prepared.grid.ijk_to_ras[:3, :3]))  # 1 % of a voxel step


def test_the_library_s_single_precision_spacing_decides_the_shape(planned):
    root, plans, dataset = planned
    model = open_model(
        maker.trained(root, {**plans, "plans_name": "shape"}, dataset, "3d_fullres", mirror=None, steps=0)
    )
    grid = Grid.from_spacing((25, 25, 26), (0.6, 1.3, 0.5))
    shape = model.prepare(Image(np.random.default_rng(0).normal(size=(25, 25, 26)) + 50, grid)).grid.shape
    spacing = [float(np.float32(s)) for s in (0.6, 1.3, 0.5)]
    target = plans["configurations"]["3d_fullres"]["spacing"]
    turned = [1, 0, 2]
    assert shape == tuple(round(spacing[a] / t * (25, 25, 26)[a]) for a, t in zip(turned, target, strict=True))
