"""torch.export programs: the same numbers as the network they were made from, layer by layer and map by map."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from engine import programs, toys
from engine.grids import oblique
from engine.programs import NAMES, assert_equal_inside, image, sorted_layers
from seghirescam import Image, PlainModel, open_model
from seghirescam.cam.passes import capture
from seghirescam.models import recognise
from seghirescam.models.demo_networks.preprocessing import normalised
from seghirescam.models.programs import exported, program, program_description
from seghirescam.protocol.errors import ModelError, SegHiResCamError
from seghirescam.protocol.recipes import WholeImage
from seghirescam.session.explain import explain


def test_logits_layers_activations_and_gradients_are_the_network_s(free):
    eager, path = free
    network = open_model(path, consent=True).network
    tensor = toys.image(size=24)
    assert torch.equal(network(tensor), eager(tensor))
    ours, theirs = sorted_layers(network, tensor), sorted_layers(eager, tensor)
    assert ours == theirs and len(ours) == 18
    assert ours["encoder.1"][1:5] == ((12, 12, 12), (2, 2, 2), "encoder", True)
    assert ours["encoder.2"][3] == "bottleneck" and ours["decoder.1"][3] == "decoder" and ours["head"][3] == "head"
    assert all(layer[-1] is not None for layer in ours.values())  # every place is measured, none assumed
    assert_equal_inside(eager, network, tensor, ours)


def test_fixed_programs_with_instance_norm_and_modules_called_twice_too(fixed):
    eager, path = fixed
    network = exported.KIND.open(path, consent=True).network
    tensor = toys.image(size=16)
    assert torch.equal(network(tensor), eager(tensor))
    ours = sorted_layers(network, tensor)
    assert ours == sorted_layers(eager, tensor) and {"pool#1", "pool#2"} <= set(ours)
    assert_equal_inside(eager, network, tensor, ["pool#1", "encoder.0.norm", "encoder.1.conv", "decoder.0", "head"])


@pytest.mark.parametrize("kind", ["batch", "instance"])
def test_programs_taken_apart_by_run_decompositions_are_put_together_again(tmp_path, kind):
    eager, tensor = toys.make(kind=kind, pool=True), toys.image(size=16)
    torch.export.save(torch.export.export(eager, (tensor,)).run_decompositions(), tmp_path / "a.pt2")
    network = exported.KIND.open(tmp_path / "a.pt2", consent=True).network
    assert torch.equal(network(tensor), eager(tensor))
    assert sorted_layers(network, tensor) == sorted_layers(eager, tensor)
    assert_equal_inside(eager, network, tensor, ["encoder.0.norm", "encoder.1", "decoder.0.conv"])


def test_monai_networks_list_the_layers_they_have_as_networks(tmp_path):
    nets = pytest.importorskip("monai.networks.nets")
    torch.manual_seed(0)
    tensor = toys.image(size=16)
    for eager, name in (
        (nets.UNet(3, 1, 2, (4, 8, 16), (2, 2), num_res_units=1), "model.1.submodule.1.submodule"),
        (nets.DynUNet(3, 1, 2, [3, 3, 3], [1, 2, 2], [2, 2], filters=[4, 8, 12]), "bottleneck"),
    ):
        eager = eager.double().eval()
        network = exported.KIND.open(programs.save_exported(tmp_path / "a.pt2", eager, tensor), consent=True).network
        assert torch.equal(network(tensor), eager(tensor))
        ours = sorted_layers(network, tensor)
        assert ours == sorted_layers(eager, tensor) and ours[name][3] == "bottleneck" and "model.1" not in ours
        assert_equal_inside(eager, network, tensor, [name])


class Resizing(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.act = nn.SiLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.mix = nn.Conv2d(4, 4, 1)
        self.head = nn.Conv2d(4, 1, 1)

    def forward(self, x):
        y = self.mix(self.drop(self.act(self.down(x))))
        y = nn.functional.interpolate(y, size=x.shape[2:], mode="bilinear", align_corners=False)
        return {"features": y, "logits": self.head(y) * torch.tensor(2.0)}


def test_2d_binary_and_sizes_written_into_the_program(tmp_path):
    torch.manual_seed(0)
    eager = Resizing().double().eval()
    tensor = toys.image(dims=2, size=16, channels=2)
    path = programs.save_exported(tmp_path / "a.pt2", eager, tensor)
    programs.describe(path, classes=["no", "yes"], head="binary")
    model = exported.KIND.open(path, consent=True)
    assert model.spatial_dims == 2 and model.head == "binary" and model.channels == ("channel 0", "channel 1")
    assert model.windows.size == (1, 16, 16)
    done = capture.forward(model.network, tensor, ["act"], channels=1)
    assert torch.equal(done.logits, eager(tensor)["logits"])
    listed = sorted_layers(model.network, tensor)
    assert listed["act"][2] == (2, 2) and listed["act"][-1] is not None and "mix" in listed and "drop" not in listed
    # the size is a factor now, so the probe (and any other size) passes
    wide = toys.image(dims=2, size=24, channels=2)
    assert torch.equal(capture.as_logits(model.network(wide), 1), eager(wide)["logits"])


def test_an_explanation_of_the_file_is_that_of_the_network(free):
    eager, path = free
    ours = open_model(path, consent=True)
    theirs = PlainModel(eager, NAMES, channels=["CT"], normalise=normalised, divisor=4)
    assert ours.name == "my liver" and len(ours.weights_hash) == 64 and ours.divisor == 4
    case = image(18)
    found = [
        explain(model, case, WholeImage(), class_index="tumour", methods=["seg_hires_grad_cam", "seg_grad_cam"],
                layers=["encoder.1", "decoder.0"])
        for model in (ours, theirs)
    ]  # fmt: skip
    for a, b in zip(*found, strict=True):
        assert np.abs(a.map - b.map).max() <= 1e-5 * np.abs(b.map).max() and np.abs(b.map).max() > 0
        assert a.score == pytest.approx(b.score, rel=1e-6) and a.grid.same_as(b.grid, 1e-9)
        assert a.provenance["model_kind"] == "exported"


def test_what_is_known_before_opening_is_read_without_torch(free, fixed):
    code = (
        "import sys; from seghirescam.models import recognise; p = sys.argv[1]; k = recognise(p); "
        "print(k.name, [c.name for c in k.classes(p)], k.channels(p), bool(k.runs_author_code(p)), k.requirements(p), "
        "'torch' in sys.modules)"
    )
    for (_, path), said in (
        (free, "exported ['background', 'liver', 'tumour'] ('CT',) True () False"),
        (fixed, "exported ['class 0', 'class 1', 'class 2'] ('image',) True () False"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True,
            cwd=Path(exported.__file__).parents[3],
        )  # fmt: skip
        assert done.stdout.strip() == said
    assert {p.name for p in recognise(free[1]).files(free[1])} == {"free.pt2", "free.model.json"}


def test_without_a_description_it_says_what_was_assumed(fixed):
    model = exported.KIND.open(fixed[1], consent=True)
    assert [c.name for c in model.classes] == ["class 0", "class 1", "class 2"] and model.head == "softmax"
    notes = model.prepare(image(20)).notes
    assert "no description beside it" in notes[0] and "exactly 16 x 16 x 16 voxels" in notes[1]
    with pytest.raises(SegHiResCamError, match="expects 1 channel"):
        model.prepare(image(20, channels=2))


def test_a_description_inside_the_file_counts_where_none_lies_beside_it(tmp_path):
    network = nn.Sequential(nn.Conv3d(1, 2, 1)).eval()
    path = tmp_path / "a.pt2"
    inside = {"model.json": '{"classes": ["in", "out"]}'}
    programs.save_exported(path, network, torch.zeros(1, 1, 8, 8, 8), extra=inside)
    assert [c.name for c in exported.KIND.classes(path)] == ["in", "out"]
    programs.describe(path, classes=["beside", "too"])
    assert [c.name for c in exported.KIND.open(path, consent=True).classes] == ["beside", "too"]
    (tmp_path / "a.model.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="'a.model.json' is no JSON"):
        exported.KIND.classes(path)


@pytest.mark.parametrize("entry", ["zscore", "zscore_nonzero", {"range": [-1, 2]}])
def test_intensities_are_those_of_monai(entry):
    transforms = pytest.importorskip("monai.transforms")
    array = np.random.default_rng(1).normal(1, 2, size=(2, 4, 5, 6)).astype(np.float32)
    array[:, :2] = 0
    if isinstance(entry, dict):
        theirs = transforms.ScaleIntensityRange(-1, 2, 0, 1, clip=True)
    else:
        theirs = transforms.NormalizeIntensity(nonzero=entry == "zscore_nonzero", channel_wise=True)
    ours = program.with_intensity(array, program_description.understood({"intensity": entry}, "x").intensity)
    assert np.abs(ours - np.asarray(theirs(array))).max() < 2e-6


@pytest.mark.parametrize("shape", [(16, 16, 16), (17, 40, 16), (33, 20, 50)])
@pytest.mark.parametrize(("overlap", "mode"), [(0.25, "constant"), (0.625, "gaussian"), (0.0, "gaussian")])
def test_windows_are_those_of_monai(shape, overlap, mode):
    inferers, utils = pytest.importorskip("monai.inferers.utils"), pytest.importorskip("monai.data.utils")
    size = (16, 12, 14)
    windows = program.sliding(size, overlap, mode)
    step = inferers._get_scan_interval(shape, size, 3, (overlap,) * 3)
    assert windows.offsets(shape) == [
        tuple(s.start for s in place) for place in utils.dense_patch_slices(shape, size, step)
    ]
    theirs = utils.compute_importance_map(size, mode, 0.125).numpy()
    assert np.abs(windows.importance - theirs).max() < 1e-7


class Cue(nn.Module):
    """Class 1 sees the mean of 3^3 voxels, in a program that strides and comes back."""

    def __init__(self, dims):
        super().__init__()
        self.mean = toys.conv(dims, 1, 1, 3, padding=1, bias=False)
        self.head = toys.conv(dims, 1, 2, 1)
        nn.init.constant_(self.mean.weight, 1 / 3**dims)
        self.head.weight.data = self.head.weight.data * 0 + torch.tensor([0.0, 1.0]).view(2, 1, *[1] * dims)
        self.head.bias.data.zero_()

    def forward(self, x):
        return self.head(self.mean(x))


@pytest.mark.parametrize("dims", [2, 3])
def test_a_cue_is_found_at_its_millimetres_through_turning_resampling_and_windows(tmp_path, dims):
    grid = oblique((20, 30, 26), (2.5, 0.9, 1.1), flips=(-1, 1, 1))
    cue = grid.ras(np.array([9.3, 13.6, 11.2]))
    points = grid.ras(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1))
    array = np.exp(-((points - cue) ** 2).sum(-1) / (2 * 3.0**2))[None].astype(np.float32)
    eager = Cue(dims).eval()
    window = [16, 16, 16] if dims == 3 else [16, 16]
    path = programs.save_exported(tmp_path / "a.pt2", eager, torch.zeros(1, 1, *window))
    words = {"window": {"size": window, "overlap": 0.5, "mode": "gaussian"}, "intensity": {"range": [0, 1]}}
    programs.describe(path, classes=["no", "yes"], spacing_mm=1.5, orientation="RAS", **words)
    model = exported.KIND.open(path, consent=True)
    prepared = model.prepare(Image(array, grid))
    assert prepared.tensor.shape == (1, 1, *prepared.grid.shape) and prepared.valid == prepared.grid.shape
    assert np.allclose(prepared.grid.spacing_kji[-2:], 1.5) and prepared.tensor.dtype == torch.float32
    assert (np.diag(prepared.grid.ijk_to_ras)[:3] > 0).all()
    fused = programs.slowly_fused(model.network, model.windows, prepared.tensor)
    peak = fused[0, 1].numpy().astype(np.float64)
    near = peak > 0.2 * peak.max()
    where = np.argwhere(near)
    centre = (where * peak[near][:, None]).sum(0) / peak[near].sum()
    assert np.abs(centre - prepared.grid.kji(cue)).max() < 0.5
    if dims == 3:
        inferers = pytest.importorskip("monai.inferers")
        theirs = inferers.SlidingWindowInferer((16, 16, 16), overlap=0.5, mode="gaussian")(prepared.tensor, eager)
        assert (fused - theirs.detach()).abs().max() < 1e-6
    logits = fused[0].numpy() + np.array([0.3, 0]).reshape(2, 1, 1, 1)
    labels = model.labels_on_input(logits, prepared, Image(array, grid))
    assert labels.shape == grid.shape and labels[9, 14, 11] == 1 and labels[0, 0, 0] == 0


def test_maps_through_several_windows_are_those_of_the_network_with_the_same_windows(fixed):
    eager, path = fixed
    ours = exported.KIND.open(path, consent=True)
    theirs = PlainModel(eager, ["class 0", "class 1", "class 2"])
    theirs.windows = program.sliding((16, 16, 16), 0.25, "constant")
    (a,), (b,) = (explain(m, image(20), WholeImage(), class_index=1, layers=["encoder.1"]) for m in (ours, theirs))
    assert a.score == pytest.approx(b.score, rel=1e-6)
    assert np.abs(a.map - b.map).max() <= 1e-5 * np.abs(b.map).max() and np.abs(b.map).max() > 0
    assert str(path.parent) not in str(a.provenance)
