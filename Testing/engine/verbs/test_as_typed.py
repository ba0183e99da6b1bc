"""explain() takes what a Python user holds, and gives the map that plain autograd gives of the same tensors."""

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
import torch

import seghirescam
from seghirescam.protocol.errors import ClassError, ImageError, ModelError, PixelSetError
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.recipes import PredictedClass, WholeImage

nets = pytest.importorskip("monai.networks.nets")


def unet(dims, channels=1, classes=1):
    torch.manual_seed(dims)
    return nets.UNet(dims, channels, classes, (8, 16, 32), (2, 2)).eval()


def by_autograd(net, tensor, mask, layer, channel=0):
    """Seg-HiRes-Grad CAM written out: sum over channels of dS/dA * A, S the channel's logits summed over the mask."""
    kept = {}

    def keep(module, inputs, output):
        kept["a"] = output.clone()
        kept["a"].retain_grad()
        return kept["a"]

    handle = net.get_submodule(layer).register_forward_hook(keep)
    score = (net(tensor)[0, channel] * torch.as_tensor(mask, dtype=tensor.dtype)).sum()
    score.backward()
    handle.remove()
    net.zero_grad()
    return (kept["a"].grad * kept["a"].detach()).sum(1)[0].numpy(), float(score.detach())


@pytest.fixture(scope="module")
def flat():
    rng = np.random.default_rng(0)
    mask = np.zeros((48, 64), bool)
    mask[10:30, 20:50] = True
    return unet(2), rng.random((48, 64), np.float32), mask


@pytest.fixture(scope="module")
def solid():
    rng = np.random.default_rng(1)
    labels = np.zeros((16, 24, 32), np.uint8)
    labels[2:9, 4:12, 6:20] = 1
    labels[10:14, 14:20, 6:20] = 4
    return unet(3, classes=3), rng.random((16, 24, 32), np.float32), labels


LAYER = "model.1.submodule.0"


@pytest.mark.parametrize(
    "form", [lambda a: a, torch.as_tensor, lambda a: a[None], lambda a: torch.as_tensor(a)[None, None], np.float64]
)
def test_a_flat_array_in_every_shape_gives_the_map_of_autograd(flat, form):
    net, image, mask = flat
    (found,) = seghirescam.explain(net, form(image), mask, layers=[LAYER])
    truth, score = by_autograd(net, torch.as_tensor(image)[None, None], mask, LAYER)
    assert found.score == pytest.approx(score, rel=1e-5)
    np.testing.assert_allclose(found.map[0], truth, atol=1e-5 * np.abs(truth).max())
    assert found.grid.is_photo and found.class_name == "object"
    assert any("one output channel" in note for note in found.notes)
    assert any("No class was named" in note for note in found.notes)


def test_colours_are_taken_first_or_last_and_it_is_said(flat):
    _, image, mask = flat
    net = unet(2, channels=3, classes=2)
    colours = np.stack([image, image**2, 1 - image])
    truth, _ = by_autograd(net, torch.as_tensor(colours)[None], mask, LAYER, channel=1)
    for given, said in ((colours, False), (np.moveaxis(colours, 0, -1), True)):
        (found,) = seghirescam.explain(net, given, mask, classes=["no", "yes"], target="yes", layers=[LAYER])
        np.testing.assert_allclose(found.map[0], truth, atol=1e-5 * np.abs(truth).max())
        assert any("last axis was taken as its channels" in note for note in found.notes) == said


def test_a_stack_of_slices_goes_slice_by_slice_through_a_2d_network(flat):
    net, image, mask = flat
    stack, masks = np.stack([image, image[::-1], image.T.reshape(48, 64)]), np.zeros((3, 48, 64), bool)
    masks[1] = mask
    (found,) = seghirescam.explain(net, stack, masks, layers=[LAYER])
    truth, _ = by_autograd(net, torch.as_tensor(stack[1].copy())[None, None], mask, LAYER)
    # only the slice that meets the mask was run; the map lies where that slice does
    np.testing.assert_allclose(found.map[0], truth, atol=1e-5 * np.abs(truth).max())
    assert found.map.shape[0] == 1 and found.grid.ras((0, 0, 0))[2] == 1
    assert any("several slices" in note for note in found.notes)


def in_all_forms(image, labels, folder):
    """One case as arrays, tensors, files, SimpleITK and nibabel images, with 2 x 1.5 x 1 mm voxels (K, J, I)."""
    itk, itk_labels = sitk.GetImageFromArray(image), sitk.GetImageFromArray(labels)
    for one in (itk, itk_labels):
        one.SetSpacing((1.0, 1.5, 2.0))
    files = [str(folder / "ct.nii.gz"), str(folder / "labels.nrrd")]
    sitk.WriteImage(itk, files[0])
    sitk.WriteImage(itk_labels, files[1])
    affine = np.diag([-1.0, -1.5, 2.0, 1.0])
    nib = nibabel.Nifti1Image(image.T, affine), nibabel.Nifti1Image(labels.T, affine)
    return {
        "array": (image, labels, {"spacing": (2, 1.5, 1)}),
        "tensor": (torch.as_tensor(image)[None, None], torch.as_tensor(labels)[None, None], {"spacing": (2, 1.5, 1)}),
        "file": (*files, {}),
        "simple itk": (itk, itk_labels, {}),
        "nibabel": (*nib, {}),
        "mixed": (nib[0], itk_labels, {}),
    }


@pytest.mark.parametrize("form", ["array", "tensor", "file", "simple itk", "nibabel", "mixed"])
def test_every_form_of_a_volume_gives_the_map_of_autograd_in_its_millimetres(solid, tmp_path, form):
    net, image, labels = solid
    given, mask, words = in_all_forms(image, labels, tmp_path)[form]
    (found,) = seghirescam.explain(
        net, given, mask, value=4, classes=["air", "bone", "lung"], target="lung", layers=[LAYER], **words
    )
    placed = form not in ("array", "tensor")  # these state no place, and are what the network is fed
    fed, inside = (image.T.copy(), (labels == 4).T) if placed else (image, labels == 4)  # MONAI's own class: x, y, z
    truth, score = by_autograd(net, torch.as_tensor(fed)[None, None], inside, LAYER, channel=2)
    assert found.score == pytest.approx(score, rel=1e-5)
    np.testing.assert_allclose(found.map, truth, atol=1e-5 * np.abs(truth).max())
    assert found.pixel_set_label == ("segment '4'" if form == "file" else "label 4")
    spacing = (1, 1.5, 2) if placed else (2, 1.5, 1)
    np.testing.assert_allclose(found.grid.spacing_kji, np.array(spacing) * found.layer.stride)
    if placed:
        np.testing.assert_allclose(found.image.grid.ijk_to_ras, np.diag([-1.0, -1.5, 2.0, 1.0]))
    assert any("Axes: the network was fed x, y, z, MONAI's order (assumed" in n for n in found.notes) == placed


@pytest.mark.parametrize("stated", [None, "zyx", "xyz"])
def test_a_network_of_another_class_is_fed_a_file_slices_first_unless_stated(solid, tmp_path, stated):
    net, image, labels = solid

    class Hers(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x):
            return self.net(x)

    path, mask, _ = in_all_forms(image, labels, tmp_path)["file"]
    words = {"classes": 3, "target": 2, "value": 4, "layers": [f"net.{LAYER}"], "axes": stated}
    for network in (Hers().eval(), net) if stated else (Hers().eval(),):
        words["layers"] = [LAYER if network is net else f"net.{LAYER}"]
        (found,) = seghirescam.explain(network, path, mask, **words)
        turned = stated == "xyz"
        fed, inside = (image.T.copy(), (labels == 4).T) if turned else (image, labels == 4)
        truth, _ = by_autograd(net, torch.as_tensor(fed)[None, None], inside, LAYER, channel=2)
        np.testing.assert_allclose(found.map, truth, atol=1e-5 * np.abs(truth).max())


def test_a_meta_tensor_goes_in_as_monai_fed_it(solid):
    net, image, labels = solid
    from monai.data import MetaTensor

    xyz = MetaTensor(torch.as_tensor(image.T.copy())[None], affine=torch.diag(torch.tensor([-1.0, -1.5, 2.0, 1.0])))
    wanted = nibabel.Nifti1Image((labels == 4).astype(np.uint8).T, np.diag([-1.0, -1.5, 2.0, 1.0]))
    (found,) = seghirescam.explain(net, xyz, wanted, classes=3, target=2, layers=[LAYER])
    truth, score = by_autograd(net, torch.as_tensor(image.T.copy())[None, None], (labels == 4).T, LAYER, channel=2)
    assert found.score == pytest.approx(score, rel=1e-5) and found.class_name == "class 2"
    np.testing.assert_allclose(found.map, truth, atol=1e-5 * np.abs(truth).max())
    assert found.provenance["axes"]["order"] == "xyz"


def test_channels_come_one_by_one_or_together(solid, tmp_path):
    _, image, labels = solid
    net = unet(3, channels=2, classes=2)
    both = np.stack([image, image**2])
    files = []
    for number, one in enumerate(both):
        files.append(tmp_path / f"{number}.nrrd")
        sitk.WriteImage(sitk.GetImageFromArray(one), str(files[-1]))
    truth, _ = by_autograd(net, torch.as_tensor(both)[None], labels == 1, LAYER, channel=1)
    for given, axes in ((both, None), ([both[0], torch.as_tensor(both[1])], None), (files, "zyx")):
        (found,) = seghirescam.explain(net, given, labels == 1, classes={1: "tumour"}, layers=[LAYER], axes=axes)
        assert found.class_name == "tumour"
        np.testing.assert_allclose(found.map, truth, atol=1e-5 * np.abs(truth).max())


def test_several_labels_are_several_pixel_sets_of_one_pass(solid):
    net, image, labels = solid
    first, second = seghirescam.explain(net, image, labels, value=[1, 4], classes=3, target=1, layers=[LAYER])
    for found, label in ((first, 1), (second, 4)):
        truth, _ = by_autograd(net, torch.as_tensor(image)[None, None], labels == label, LAYER, channel=1)
        np.testing.assert_allclose(found.map, truth, atol=1e-5 * np.abs(truth).max())
        assert found.share_inside() == found.share_inside(labels, label)
        assert np.array_equal(found.mask_on_image(found.image.grid), labels == label)


def test_each_pixel_set_may_have_its_class(solid):
    net, image, labels = solid
    asked = seghirescam.explain(
        net, image, labels, value=[1, 4], classes=["a", "b", "c"], target=["b", 2], layers=[LAYER]
    )
    for found, label, channel in zip(asked, (1, 4), (1, 2), strict=True):
        truth, score = by_autograd(net, torch.as_tensor(image)[None, None], labels == label, LAYER, channel)
        assert found.score == pytest.approx(score, rel=1e-5)
        np.testing.assert_allclose(found.map, truth, atol=1e-5 * np.abs(truth).max())


def test_a_size_the_network_does_not_take_is_padded_and_it_is_said(solid):
    net, image, labels = solid
    (found,) = seghirescam.explain(
        net, image[:, :23, :30], labels[:, :23, :30] == 1, classes=3, target=1, layers=[LAYER]
    )
    padded = np.pad(image[:, :23, :30], ((0, 0), (0, 1), (0, 2)), mode="edge")
    mask = np.pad(labels[:, :23, :30] == 1, ((0, 0), (0, 1), (0, 2)))
    truth, score = by_autograd(net, torch.as_tensor(padded)[None, None], mask, LAYER, channel=1)
    assert found.score == pytest.approx(score, rel=1e-5)
    np.testing.assert_allclose(found.map, truth[:, : found.map.shape[1], : found.map.shape[2]], rtol=1e-3, atol=1e-5)
    assert any("padded" in note for note in found.notes)


def test_the_present_types_and_recipes_still_stand(solid):
    net, image, labels = solid
    grid = seghirescam.Grid.from_spacing(image.shape)
    model = seghirescam.PlainModel(net, ["a", "b", "c"])
    given = seghirescam.Image(image, grid)
    one, other = (
        seghirescam.explain(model, given, which, class_index=1, layers=[LAYER])[0]
        for which in (PixelSet(labels == 1, grid, "mine"), [WholeImage()])
    )
    assert one.pixel_set_label == "mine" and other.pixel_set_label == "whole image"
    (found,) = seghirescam.explain(net, image, PredictedClass(), classes=3, target=1, layers=[LAYER])
    inside = seghirescam.predict(net, image, 1, classes=3).weights
    truth, _ = by_autograd(net, torch.as_tensor(image)[None, None], inside, LAYER, channel=1)
    np.testing.assert_allclose(found.map, truth, atol=1e-5 * np.abs(truth).max())
    assert np.array_equal(found.mask_on_image(found.image.grid), inside > 0)


REFUSED = {
    "no class": (ClassError, {"classes": 3}, "Add target="),
    "two words": (ClassError, {"classes": 3, "target": 1, "class_index": 2}, "two classes"),
    "one word": (ModelError, {"classes": "tumour", "target": 1}, "a list with a name"),
    "mapping": (ModelError, {"classes": {"tumour": 1}, "target": 1}, "channel numbers to names"),
    "too few": (ModelError, {"classes": ["a", "b"], "target": 1}, "3 output channel"),
    "labels": (PixelSetError, {"classes": 3, "target": 1, "mask": "labels"}, "labels: 1, 4"),
    "no label": (PixelSetError, {"classes": 3, "target": 1, "mask": "labels", "value": 2}, "no label 2"),
    "shape": (PixelSetError, {"classes": 3, "target": 1, "mask": np.ones((2, 2, 2), bool)}, "the image's grid"),
    "no mask": (PixelSetError, {"classes": 3, "target": 1, "mask": object()}, "no pixel set"),
    "batch": (ImageError, {"classes": 3, "target": 1, "image": np.zeros((2, 1, 8, 8, 8))}, "One image is explained"),
    "axes": (ImageError, {"classes": 3, "target": 1, "image": np.zeros((8, 8))}, "as the network is fed"),
    "no image": (ImageError, {"classes": 3, "target": 1, "image": object()}, "no image"),
    "spacing": (ImageError, {"classes": 3, "target": 1, "spacing": (1, -2, 1)}, "above 0"),
    "channels": (ModelError, {"classes": 3, "target": 1, "image": np.zeros((2, 8, 8, 8))}, "takes 1 input channel"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_understood_is_one_sentence_with_what_to_do(solid, case):
    net, image, labels = solid
    error, words, sentence = REFUSED[case]
    words = dict(words)
    mask = words.pop("mask", labels == 1)
    mask = labels if isinstance(mask, str) else mask
    with pytest.raises(error, match=sentence) as caught:
        seghirescam.explain(net, words.pop("image", image), mask, **words)
    assert caught.value.hint


def test_a_function_and_an_unknown_word_are_refused(solid):
    _, image, labels = solid
    with pytest.raises(ModelError, match="no torch.nn.Module"):
        seghirescam.explain(lambda x: x, image, labels == 1)
    with pytest.raises(ModelError, match="states its classes itself"):
        seghirescam.explain("demo:honest", image, labels == 1, classes=["a"])
    with pytest.raises(TypeError, match="There is no word 'clases'"):
        seghirescam.list_layers(unet(3), image, clases=3)
