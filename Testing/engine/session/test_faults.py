"""Bad input ends in one clear sentence before any expensive work, and changes nothing (faults.md rows 11-23, 27-31)."""

import numpy as np
import pytest
import torch
from torch import nn

from engine import toys
from seghirescam import Grid, Image, PixelSet, PlainModel
from seghirescam.models import open_model
from seghirescam.protocol.errors import (
    ClassError,
    GradientError,
    ImageError,
    LayerError,
    MethodError,
    ModelError,
    PixelSetError,
    SegHiResCamError,
)
from seghirescam.protocol.recipes import WholeImage
from seghirescam.session.explain import explain, list_layers

GRID = Grid.from_spacing((8, 8, 8))


def model(**settings):
    return PlainModel(toys.make(**settings), ["background", "lesion", "look-alike"])


def image(value=None, grid=GRID):
    array = np.random.default_rng(0).normal(size=grid.shape)
    if value is not None:
        array[1, 2, 3] = value
    return Image(array, grid)


def refused(error, match, *args, network=None, **kwargs):
    """The call raises, the network has not run and is unchanged."""
    target = args[0]
    runs = []
    handle = target.network.register_forward_hook(lambda *a: runs.append(1))
    before = {k: v.clone() for k, v in target.network.state_dict().items()}
    with pytest.raises(error, match=match) as caught:
        explain(*args, **kwargs)
    handle.remove()
    assert isinstance(caught.value, SegHiResCamError) and caught.value.code != "error"
    assert "\n" not in str(caught.value)
    assert all(torch.equal(before[k], v) for k, v in target.network.state_dict().items())
    return runs


def test_a_wrong_channel_count_names_the_expected_channels():
    two = PlainModel(toys.make(channels=2), ["a", "b", "c"], channels=("CT", "PET"))
    assert (
        refused(ImageError, r"expects 2 channel\(s\) \(CT, PET\), the image has 1", two, image(), class_index=1) == []
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_voxels_are_counted_and_refused(value):
    assert refused(ImageError, r"1 voxel\(s\) that are NaN or infinite", model(), image(value), class_index=1) == []


def test_dimensions_that_do_not_fit_are_refused():
    one = image(grid=Grid.from_spacing((1, 8, 8)))
    assert refused(ImageError, "3D network and the image has a single slice", model(), one, class_index=1) == []


def test_an_unknown_class_is_refused_with_the_list():
    for wanted in (3, -1, "tumour"):
        assert (
            refused(ClassError, "0 = background, 1 = lesion, 2 = look-alike", model(), image(), class_index=wanted)
            == []
        )
    assert refused(ClassError, "needs a rival class", model(), image(), class_index=1, score="contrast") == []
    assert refused(ClassError, "Unknown score", model(), image(), class_index=1, score="probability") == []


def test_an_unknown_layer_method_side_precision_or_device_is_refused():
    target = model()
    list_layers(target, image())
    whole = WholeImage()
    assert refused(LayerError, "Main layers: encoder.0", target, image(), whole, class_index=1, layers=["x"]) == []
    twice = ["encoder.2", "encoder.2.act"]
    assert refused(LayerError, "named twice", target, image(), whole, class_index=1, layers=twice) == []
    assert refused(MethodError, r"no method 'cam\+'", target, image(), whole, class_index=1, methods="cam+") == []
    assert refused(LayerError, "Unknown side", target, image(), whole, class_index=1, side="left") == []
    assert refused(ModelError, "Unknown precision", target, image(), whole, class_index=1, precision="fp8") == []
    if not torch.cuda.is_available():
        assert refused(ModelError, "No CUDA device", target, image(), whole, class_index=1, device="cuda") == []


def test_a_pixel_set_beside_the_image_or_one_that_is_none_is_refused():
    away = PixelSet(np.ones(GRID.shape), Grid.from_spacing(GRID.shape, origin_ras=(100, 0, 0)), "segment")
    assert refused(PixelSetError, "lies outside the image", model(), image(), away, class_index=1) == []
    assert refused(PixelSetError, "is no pixel set", model(), image(), np.ones(GRID.shape), class_index=1) == []


def test_an_image_whose_size_the_network_changes_is_refused_with_both_sizes():
    odd = image(grid=Grid.from_spacing((8, 8, 10)))

    class Cropping(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv3d(1, 2, 3)

        def forward(self, x):
            return self.conv(x)

    target = PlainModel(Cropping(), ["a", "b"])
    refused(ModelError, r"\(8, 8, 10\) voxels into logits of \(6, 6, 8\)", target, odd, WholeImage(), class_index=1)


def test_arrays_that_are_no_image_are_refused():
    with pytest.raises(ImageError, match="fits the grid"):
        Image(np.zeros((2, 2)), GRID)
    with pytest.raises(ImageError, match="not numbers"):
        Image(np.full(GRID.shape, "a"), GRID)


def test_constant_and_extreme_images_give_finite_maps():
    for value in (0.0, 1e4, -3024.0):
        constant = Image(np.full(GRID.shape, value), GRID)
        for found in explain(model(kind="instance"), constant, WholeImage(), class_index=1, layers="main"):
            assert np.isfinite(found.map).all()


def test_integer_images_are_taken_and_left_untouched():
    array = np.random.default_rng(0).integers(-1000, 3000, GRID.shape).astype(np.int16)
    kept = array.copy()
    (found,) = explain(model(), Image(array, GRID), WholeImage(), class_index=1, layers=["encoder.2"])
    assert np.array_equal(array, kept) and np.isfinite(found.map).all()


def test_a_network_whose_first_operation_is_in_place_does_not_change_the_caller_s_image():
    network = nn.Sequential(nn.ReLU(inplace=True), nn.Conv3d(1, 2, 1))
    array = np.random.default_rng(0).normal(size=GRID.shape).astype(np.float32)
    kept = array.copy()
    explain(PlainModel(network, ["a", "b"]), Image(array, GRID), WholeImage(), class_index=1, layers=["1"])
    assert np.array_equal(array, kept)


def test_a_network_that_returns_no_tensor_or_has_no_spatial_layer_is_refused():
    class Naming(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv3d(1, 2, 1)

        def forward(self, x):
            return {"loss": self.conv(x).mean()}

    with pytest.raises(GradientError, match="returned a dict"):
        explain(PlainModel(Naming(), ["a", "b"]), image(), WholeImage(), class_index=1, layers=["conv"])

    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.ones(2))

        def forward(self, x):
            return x * self.w.view(1, 2, 1, 1, 1)

    with pytest.raises(LayerError, match="No layer of this network"):
        explain(PlainModel(Bare(), ["a", "b"]), image(), WholeImage(), class_index=1)


def test_overflowing_weights_give_a_map_that_says_it_is_not_finite():
    target = model()
    target.network.float()
    with torch.no_grad():
        target.network.encoder[0].conv.weight.fill_(1e38)
    (found,) = explain(target, image(), WholeImage(), class_index=1, layers=["encoder.1"])
    assert found.status == "nonfinite" and "infinite or NaN in 512 of the pixel set's 512 voxels" in found.reason


def test_models_that_cannot_be_are_refused():
    network = toys.make()
    for settings, match in (
        ({"head": "argmax"}, "head 'argmax' is unknown"), ({"head": "binary"}, "two classes"),
        ({"spatial_dims": 4}, "2 or 3"),
    ):  # fmt: skip
        with pytest.raises(ModelError, match=match):
            PlainModel(network, ["a", "b", "c"], **settings)
    with pytest.raises(ModelError, match=r"No model was recognised in 'nowhere/model.xyz': there is no such file"):
        open_model("nowhere/model.xyz")


def test_a_normalisation_that_changes_the_shape_is_refused():
    target = PlainModel(toys.make(), ["a", "b", "c"], normalise=lambda a: a[:, 1:])
    assert refused(ModelError, "normalise changed the shape", target, image(), class_index=1) == []


@pytest.mark.parametrize("names", [["a", "b"], ["a", "b", "c", "d"]])
def test_a_wrong_number_of_class_names_is_refused(names):
    target = PlainModel(toys.make(), names)
    with pytest.raises(ModelError, match=rf"has 3 output channel\(s\), its {len(names)} classes with a softmax head"):
        explain(target, image(), WholeImage(), class_index=1, layers=["encoder.2"])
    binary = PlainModel(toys.make(classes=1), ["background", "object"], head="softmax")
    with pytest.raises(ModelError, match="has 1 output channel"):
        explain(binary, image(), WholeImage(), class_index=1, layers=["encoder.2"])
