"""The one verb: the whole way from an image to placed maps, and what it says about them."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from engine import toys
from engine.toy_cases import CLASSES, case
from seghirescam import Grid, Image, PixelSet, PlainModel
from seghirescam.cam.methods.xres import SegXResCam
from seghirescam.protocol.errors import CancelledError, EmptyPixelSetError
from seghirescam.protocol.recipes import Component, PredictedClass, WholeImage
from seghirescam.session.explain import explain, list_layers, predict


def test_a_map_equals_the_slow_truth_in_its_cells_its_score_and_its_place():
    model, image, pixels = case()
    (found,) = explain(model, image, pixels, class_index="lesion", layers=["encoder.1"])
    plain = toys.make(inplace=False)
    x = torch.tensor(image.array)[None].float().double()
    weights = torch.tensor(pixels.weights).double()
    a, g = toys.slow_truth(plain, x, "encoder.1", lambda y: (y[0, 1] * weights).sum())
    assert np.abs(found.map - (a * g).sum(dim=0).numpy()).max() < 1e-6 * np.abs(found.map).max()
    assert found.score == pytest.approx(float((plain(x)[0, 1].detach() * weights).sum()), rel=1e-12)
    assert found.total == pytest.approx(float((a * g).sum()), rel=1e-6)
    assert found.completeness == pytest.approx(found.total / found.score)
    # strided encoder: cell u reads around voxel 2 u, as nearly as its random weights are even
    assert np.abs(image.grid.kji(found.grid.ras((1, 2, 3))) - (2, 4, 6)).max() < 0.2
    assert found.unit == "logit" and found.layer.mm_per_cell == pytest.approx((6.0, 1.6, 2.2))


def test_the_integral_of_a_map_is_the_same_on_the_layer_s_and_on_the_image_s_grid():
    model, image, pixels = case()
    for found in explain(model, image, pixels, class_index=1, layers="main"):
        placed = found.resampled_to(image.grid)
        assert placed.unit == "logit/ml" and placed.integral_before == found.total
        assert placed.integral_after == pytest.approx(found.total, rel=1e-5, abs=1e-5 * float(np.abs(found.map).sum()))


def test_a_two_dimensional_network_equals_a_three_dimensional_one_of_depth_one():
    two = toys.make(dims=2, kind="instance")

    class Deep(nn.Module):
        """The 2D network's weights as 1 x k x k kernels."""

        def __init__(self):
            super().__init__()
            self.body = toys.make(dims=2, kind="instance")

            def lift(module):
                for name, child in module.named_children():
                    if isinstance(child, nn.Conv2d | nn.ConvTranspose2d):
                        cls = nn.Conv3d if isinstance(child, nn.Conv2d) else nn.ConvTranspose3d
                        new = cls(
                            child.in_channels, child.out_channels, (1, *child.kernel_size), (1, *child.stride),
                            (0, *child.padding),
                        ).double()  # fmt: skip
                        new.weight.data.copy_(child.weight.data[:, :, None])
                        new.bias.data.copy_(child.bias.data)
                        setattr(module, name, new)
                    elif isinstance(child, nn.InstanceNorm2d):
                        new = nn.InstanceNorm3d(child.num_features, affine=True).double()
                        new.load_state_dict(child.state_dict())
                        setattr(module, name, new)
                    else:
                        lift(child)

            lift(self.body)

        def forward(self, x):
            return self.body(x)

    grid = Grid.from_spacing((1, 12, 16), (5.0, 0.8, 1.1))
    rng = np.random.default_rng(0)
    array, weights = rng.normal(size=(1, 12, 16)), rng.random((1, 12, 16)) < 0.3
    flat = PlainModel(two, CLASSES, spatial_dims=2)
    deep = PlainModel(Deep(), CLASSES)
    deep.check = lambda image: image  # one slice is refused for 3D networks; here it is the point
    methods = ["seg_hires_grad_cam", "seg_grad_cam", SegXResCam(3.0)]
    for layer in ("encoder.1", "encoder.2", "decoder.0"):
        one = explain(flat, Image(array, grid), PixelSet(weights, grid), class_index=1, layers=[layer], methods=methods)
        other = explain(
            deep, Image(array, grid), PixelSet(weights, grid), class_index=1, layers=["body." + layer], methods=methods
        )
        for a, b in zip(one, other, strict=True):
            assert a.map.shape == b.map.shape and np.abs(a.map - b.map).max() < 1e-6 * np.abs(a.map).max()
            assert a.score == pytest.approx(b.score, rel=1e-12) and a.grid.same_as(b.grid, 1e-2)


def test_all_pixel_sets_layers_and_methods_share_one_forward_pass():
    model, image, pixels = case()
    list_layers(model, image)  # once a model
    calls = []
    handle = model.network.register_forward_hook(lambda *a: calls.append(1))
    found = explain(
        model, image, [pixels, PredictedClass(), WholeImage()], class_index=1, layers=["encoder.1", "decoder.0"],
        methods=["seg_hires_grad_cam", "seg_grad_cam"],
    )  # fmt: skip
    handle.remove()
    assert len(calls) == 1 and len(found) == 12
    assert [f.pixel_set_label for f in found[::4]] == ["segment 'tumour'", "predicted lesion", "whole image"]
    assert [(f.layer.name, f.method) for f in found[:4]] == [
        ("encoder.1", "seg_hires_grad_cam"), ("encoder.1", "seg_grad_cam"),
        ("decoder.0", "seg_hires_grad_cam"), ("decoder.0", "seg_grad_cam"),
    ]  # fmt: skip
    alone = explain(model, image, WholeImage(), class_index=1, layers=["encoder.1"])[0]
    assert np.array_equal(alone.map, found[8].map)


def test_the_predicted_class_is_the_arg_max_and_its_component_one_part_of_it():
    model, image, _ = case()
    with torch.no_grad():
        truth = model.network(torch.tensor(image.array)[None].float().double()).argmax(dim=1)[0].numpy() == 1
    assert np.array_equal(predict(model, image, "lesion").weights, truth)
    whole, part = explain(model, image, [PredictedClass(), Component(PredictedClass())], class_index=1, layers=["head"])
    assert whole.provenance["pixel_set_voxels"] == truth.sum()
    assert 0 < part.provenance["pixel_set_voxels"] <= truth.sum()


def test_the_default_layer_has_two_cells_across_the_pixel_set_and_warns_where_none_has():
    model, image, _ = case((16, 16, 16))
    expected = {16: "encoder.2", 8: "encoder.2", 7: "encoder.1", 4: "encoder.1", 3: "encoder.0", 2: "encoder.0"}
    for size, layer in expected.items():
        weights = np.zeros((16, 16, 16))
        weights[:size, :size, :size] = 1
        (found,) = explain(model, image, PixelSet(weights, image.grid), class_index=1)
        # the largest set fills the image, which is a note of its own
        warned = [note for note in found.notes if not note.startswith(("Axes: ", "The pixel set"))]
        assert (found.layer.name, warned) == (layer, []), size
    weights[:] = 0
    weights[3, 3, 3] = 1
    (found,) = explain(model, image, PixelSet(weights, image.grid), class_index=1)
    assert found.layer.name == "encoder.0" and "smaller than two cells of every layer" in found.notes[1]
    (deepest,) = explain(model, image, WholeImage(), class_index=1, layers="deepest")
    assert deepest.layer.name == "encoder.2"


def test_images_are_padded_to_the_divisor_and_the_padding_is_cut_from_the_map():
    model, image, _ = case((6, 11, 16), divisor=8)
    found = explain(model, image, WholeImage(), class_index=1, layers=["encoder.0", "encoder.2"])
    assert [f.map.shape for f in found] == [(6, 11, 16), (2, 3, 4)]
    assert found[0].provenance["pixel_set_voxels"] == 6 * 11 * 16
    assert "padded from (6, 11, 16) to (8, 16, 16)" in found[0].notes[0]
    assert "of the map's magnitude lay in cells of the padding" in found[1].notes[-1]


def test_contrast_and_log_odds_name_themselves_and_a_contrast_is_the_difference_of_two_maps():
    model, image, pixels = case()
    maps = {
        key: explain(model, image, pixels, class_index=c, layers=["encoder.2"], score=s, rival=r)[0]
        for key, c, s, r in (
            ("one", 1, "logit", None), ("two", 2, "logit", None), ("both", 1, "contrast", "look-alike"),
            ("odds", 1, "log_odds", None),
        )
    }  # fmt: skip
    difference = maps["one"].map - maps["two"].map
    assert np.abs(maps["both"].map - difference).max() < 1e-5 * np.abs(difference).max()
    assert maps["both"].score_title == "logit of lesion minus look-alike"
    assert maps["odds"].score_title == "log-odds of lesion"
    assert maps["both"].provenance["rival_index"] == 2


def test_bf16_is_close_to_fp32_and_keeps_the_score_in_float32():
    model, image, pixels = case((16, 16, 16))
    model.network.float()
    full, half = (
        explain(model, image, pixels, class_index=1, layers=["encoder.1"], precision=p)[0] for p in ("fp32", "bf16")
    )
    cosine = float((full.map * half.map).sum() / np.sqrt((full.map**2).sum() * (half.map**2).sum()))
    assert cosine > 0.99 and half.score == pytest.approx(full.score, rel=0.05)
    assert half.provenance["precision"] == "bf16" and half.map.dtype == np.float32


def test_the_same_question_gives_the_same_bits_and_provenance_names_everything_by_hash():
    model, image, pixels = case()
    first, second = (explain(model, image, pixels, class_index=1, layers=["encoder.2"])[0] for _ in range(2))
    assert np.array_equal(first.map, second.map)
    facts = json.loads(json.dumps(first.to_json()))
    assert facts == json.loads(json.dumps(second.to_json()))
    provenance = facts["provenance"]
    for key in ("weights_sha256", "image_sha256", "pixel_set_sha256"):
        assert len(provenance[key]) == 64
    other = PixelSet(1 - pixels.weights, pixels.grid)
    assert explain(model, image, other, class_index=1, layers=["encoder.2"])[0].provenance != provenance
    with torch.no_grad():
        model.network.head.bias.add_(1)
    changed = explain(model, image, pixels, class_index=1, layers=["encoder.2"])[0].provenance
    assert changed["weights_sha256"] != provenance["weights_sha256"]
    assert changed["image_sha256"] == provenance["image_sha256"]


def test_progress_moves_forward_and_may_cancel_without_leaving_anything():
    model, image, pixels = case()
    told = []
    explain(model, image, [pixels, WholeImage()], class_index=1, progress=lambda f, phase: told.append((f, phase)))
    assert [f for f, _ in told] == sorted(f for f, _ in told) and told[-1] == (1.0, "done")
    model.network.train()

    def stop(fraction, phase):
        if "differentiating" in phase:
            raise CancelledError("Cancelled.")

    with pytest.raises(CancelledError):
        explain(model, image, pixels, class_index=1, progress=stop)
    assert all(m.training and not m._forward_hooks for m in model.network.modules())


def test_a_caller_in_inference_mode_gets_the_same_map():
    model, image, pixels = case()
    (expected,) = explain(model, image, pixels, class_index=1)
    with torch.inference_mode():
        (found,) = explain(model, image, pixels, class_index=1)
    assert np.array_equal(found.map, expected.map)


def test_zero_maps_and_maps_without_positive_evidence_say_why():
    model, image, pixels = case()
    with torch.no_grad():
        model.network.head.weight[1].zero_()
    (found,) = explain(model, image, pixels, class_index=1, layers=["encoder.2"])
    assert found.status == "zero_map" and "every gradient is zero" in found.reason and not found.map.any()

    flat = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU(), nn.Conv2d(1, 2, 1, bias=False))
    nn.init.constant_(flat[0].weight, 1.0)
    nn.init.constant_(flat[2].weight, -1.0)
    model = PlainModel(flat, ["a", "b"], spatial_dims=2)
    bright = Image(np.ones((1, 4, 4)), Grid.from_spacing((1, 4, 4)))
    (found,) = explain(model, bright, WholeImage(), class_index=1, layers=["1"])
    assert found.status == "no_positive_evidence" and found.total == pytest.approx(-16)


def test_an_empty_pixel_set_is_an_error_before_the_network_runs():
    model, image, pixels = case()
    list_layers(model, image)
    calls = []
    model.network.register_forward_hook(lambda *a: calls.append(1))
    with pytest.raises(EmptyPixelSetError, match="segment 'tumour' has no voxel"):
        explain(model, image, PixelSet(np.zeros_like(pixels.weights), pixels.grid, pixels.label), class_index=1)
    assert calls == []
    with torch.no_grad():
        model.network.head.bias[1] = -1e6
    with pytest.raises(EmptyPixelSetError, match="predicted lesion has no voxel"):
        explain(model, image, class_index=1, layers=["encoder.2"])


def test_maps_stand_where_they_read_up_to_the_bottleneck_and_where_they_write_behind_it():
    model, image, pixels = case()
    found = {f.layer.name: f for f in explain(model, image, pixels, class_index=1, layers="main")}
    assert [found[n].side for n in ("encoder.0", "encoder.1", "encoder.2")] == ["reading"] * 3
    assert [found[n].side for n in ("decoder.0", "decoder.1")] == ["writing"] * 2
    # at the last layer before a 1x1 head the map lies on M, voxel by voxel
    last = found["decoder.1"].resampled_to(image.grid).array
    seen = np.abs(last) > 1e-6 * np.abs(last).max()
    assert not seen[pixels.weights == 0].any() and np.count_nonzero(seen) > 0.99 * pixels.voxels
    (asked,) = explain(model, image, pixels, class_index=1, layers=["decoder.1"], side="reading")
    assert asked.side == "reading" and asked.resampled_to(image.grid).array[pixels.weights == 0].any()


def test_a_weight_written_through_data_changes_the_hash():
    model, image, pixels = case()
    (first,) = explain(model, image, pixels, class_index=1, layers=["encoder.2"])
    model.network.head.weight.data.mul_(1.5)
    (second,) = explain(model, image, pixels, class_index=1, layers=["encoder.2"])
    assert first.provenance["weights_sha256"] != second.provenance["weights_sha256"]
