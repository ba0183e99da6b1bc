"""TorchScript programs: scripted, traced and frozen give the numbers of the network, under its modules' names."""

import hashlib
import json

import numpy as np
import pytest
import torch
from torch import nn

from engine import programs, toys
from engine.programs import NAMES, assert_equal_inside, image, sorted_layers
from seghirescam import PlainModel, open_model
from seghirescam.models import recognise
from seghirescam.models.demo_networks.preprocessing import normalised
from seghirescam.models.programs import exported, torchscript
from seghirescam.protocol.errors import ConsentError, ModelError
from seghirescam.protocol.recipes import WholeImage
from seghirescam.session.explain import explain

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


def opened(path):
    return torchscript.KIND.open(path, consent=True)


@pytest.mark.parametrize("how", ["script", "trace"])
@pytest.mark.parametrize(("kind", "pool"), [("batch", True), ("instance", False)])
def test_logits_layers_activations_and_gradients_are_the_network_s(tmp_path, how, kind, pool):
    eager, tensor = toys.make(kind=kind, pool=pool), toys.image(size=16)
    path = programs.save_script(tmp_path / "a.ts", eager, tensor if how == "trace" else None)
    model = opened(path)
    assert model.windows is None and model.divisor == 4 and "deprecated" in model.notes[-1]
    assert torch.equal(model.network(tensor), eager(tensor))
    ours = sorted_layers(model.network, tensor)
    assert ours == sorted_layers(eager, tensor) and all(layer[-1] is not None for layer in ours.values())
    assert_equal_inside(eager, model.network, tensor, [name for name in ours if not name.endswith("#2")])
    assert {n for n, _ in model.network.named_parameters()} == {n for n, _ in eager.named_parameters()}


@pytest.mark.parametrize("how", ["script", "trace"])
def test_a_monai_unet_and_a_dynunet_keep_their_names(tmp_path, how):
    nets = pytest.importorskip("monai.networks.nets")
    torch.manual_seed(0)
    tensor = toys.image(size=16)
    for eager, name in (
        (nets.UNet(3, 1, 2, (4, 8, 16), (2, 2), num_res_units=1, norm="batch"), "model.1.submodule.1.submodule"),
        (nets.DynUNet(3, 1, 2, [3, 3, 3], [1, 2, 2], [2, 2], filters=[4, 8, 12]), "bottleneck"),
    ):
        eager = eager.double().eval()
        path = programs.save_script(tmp_path / "a.ts", eager, tensor if how == "trace" else None)
        network = opened(path).network
        assert torch.equal(network(tensor), eager(tensor))
        ours = sorted_layers(network, tensor)
        assert ours == sorted_layers(eager, tensor) and ours[name][3] == "bottleneck"
        assert_equal_inside(eager, network, tensor, [name])


def test_frozen_programs_lose_their_names_and_nothing_else(tmp_path):
    eager, tensor = toys.make(kind="instance", channels=2), toys.image(size=16, channels=2)
    model = opened(programs.save_script(tmp_path / "a.ts", eager, freeze=True))
    assert torch.equal(model.network(tensor), eager(tensor)) and len(model.channels) == 2
    ours = sorted_layers(model.network, tensor)
    assert ours["leaky_relu__2"][:4] == (8, (4, 4, 4), (4, 4, 4), "bottleneck")
    assert ours["leaky_relu__2"][-1] == sorted_layers(eager, tensor)["encoder.2"][-1] is not None


def test_an_explanation_of_the_file_is_that_of_the_network_described_by_monai_s_metadata(tmp_path):
    monai_data = pytest.importorskip("monai.data")
    eager = toys.make(kind="batch")
    words = {"classes": NAMES, "channels": ["CT"], "intensity": "zscore", "something_else": 3}
    path = tmp_path / "a.ts"
    monai_data.save_net_with_metadata(torch.jit.script(eager), str(path), meta_values=words)
    kind = recognise(path)
    assert kind.name == "torchscript" and [c.name for c in kind.classes(path)] == NAMES
    ours = open_model(path, consent=True)
    theirs = PlainModel(eager, NAMES, normalise=normalised, divisor=4, axes="xyz")
    assert ours.channels == ("CT",)
    found = [
        explain(model, image(18), WholeImage(), class_index="tumour", methods=["seg_hires_grad_cam", "seg_grad_cam"],
                layers=["encoder.1", "decoder.0"])
        for model in (ours, theirs)
    ]  # fmt: skip
    for a, b in zip(*found, strict=True):
        assert np.abs(a.map - b.map).max() <= 1e-5 * np.abs(b.map).max() and np.abs(b.map).max() > 0
        assert a.score == pytest.approx(b.score, rel=1e-6) and a.grid.same_as(b.grid, 1e-9)
        assert any("deprecated" in note for note in a.notes) and a.provenance["model_kind"] == "torchscript"


def test_a_bundle_s_metadata_names_classes_and_channels(tmp_path):
    image_format = {"channel_def": {"0": "T1", "1": "T2"}}
    pred = {"channel_def": {"0": "background", "1": "lesion"}}
    formats = {"inputs": {"image": image_format}, "outputs": {"pred": pred}}
    metadata = {"version": "0.1", "network_data_format": formats}
    network = nn.Sequential(nn.Conv3d(2, 2, 1)).eval()
    path = programs.save_script(tmp_path / "a.ts", network, extra={"metadata.json": json.dumps(metadata)})
    model = opened(path)
    assert [c.name for c in model.classes] == ["background", "lesion"] and model.channels == ("T1", "T2")
    path = programs.save_script(tmp_path / "b.ts", network)
    assert torchscript.KIND.classes(path) == () and [c.name for c in opened(path).classes] == ["class 0", "class 1"]
    assert opened(path).channels == ("channel 0", "channel 1")


class Fixed(nn.Module):
    """Writes its image's size into its graph."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
        self.mix = nn.Linear(256, 256)

    def forward(self, x):
        y = self.conv(x)
        return self.mix(y.reshape(1, 2, 256)).reshape(1, 2, 16, 16) + y


def test_programs_for_one_size_need_it_in_their_description_and_get_windows(tmp_path):
    torch.manual_seed(0)
    eager = Fixed().eval()
    path = programs.save_script(tmp_path / "a.ts", eager)
    with pytest.raises(ModelError, match=r"does not run on an image \[1, 1, 64, 96\]") as caught:
        opened(path)
    assert '"window"' in caught.value.hint
    programs.describe(path, window={"size": [16, 16], "overlap": 0.5})
    model = opened(path)
    assert model.windows.size == (1, 16, 16) and model.spatial_dims == 2
    prepared = model.prepare(image(24))
    fused = programs.slowly_fused(model.network, model.windows, prepared.tensor)
    inferers = pytest.importorskip("monai.inferers")
    for k in (0, 7):
        theirs = inferers.SlidingWindowInferer((16, 16), overlap=0.5)(prepared.tensor[:, :, k], eager)
        assert (fused[:, :, k] - theirs.detach()).abs().max() < 1e-5


def test_consent_holds_for_one_content_and_is_asked_before_torch_sees_the_file(tmp_path, monkeypatch):
    path = programs.save_script(tmp_path / "a.pt", nn.Sequential(nn.Conv3d(1, 2, 1)).eval())
    kind, digest = recognise(path), hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(torch.jit, "load", lambda *a, **k: pytest.fail("torch was given the file"))
    assert kind.name == "torchscript" and kind.consent_hash(path) == digest
    said = f"TorchScript programs are code: opening 'a.pt' (SHA-256 {digest[:12]})"
    assert kind.runs_author_code(path).startswith(said)
    for consent in (False, "", "0" * 64, digest[:12]):
        with pytest.raises(ConsentError, match="Nothing was run"):
            kind.open(path, consent=consent)
    monkeypatch.undo()
    assert kind.open(path, consent=digest).kind == "torchscript"


class Reads(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(1, 2, 1)

    def forward(self, x):
        return self.conv(x) + torch.from_file("/etc/hostname", False, 1, dtype=torch.uint8).sum()


class Writes(nn.Module):
    def __init__(self, path: str):
        super().__init__()
        self.conv, self.path = nn.Conv3d(1, 2, 1), path

    def forward(self, x):
        torch.save(x, self.path)
        return self.conv(x)


def test_programs_that_read_or_write_files_are_refused_even_with_consent(tmp_path):
    for network, word in ((Reads(), "from_file"), (Writes(str(tmp_path / "canary")), "save")):
        path = programs.save_script(tmp_path / "a.ts", network.eval())
        for ask in (torchscript.KIND.runs_author_code, opened):
            with pytest.raises(ModelError, match=rf"reads or writes files \('{word}'\)"):
                ask(path)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("member", ["data.pkl", "constants.pkl"])
def test_payloads_in_its_pickles_do_not_run(tmp_path, member):
    canary = tmp_path / "canary"
    path = programs.save_script(tmp_path / "a.ts", nn.Sequential(nn.Conv3d(1, 2, 1)).eval())
    programs.rewritten(path, lambda name, old: programs.memoised(canary) if name.endswith(f"/{member}") else old)
    with pytest.raises(ModelError, match=r"cannot read the program 'a\.ts'"):
        opened(path)
    assert not canary.exists()


def test_damaged_files_and_programs_in_training_mode_end_in_one_sentence(tmp_path):
    network = nn.Sequential(nn.Conv3d(1, 2, 1)).eval()
    path = programs.save_script(tmp_path / "a.ts", network)
    content = path.read_bytes()
    for bad in (b"", b"x" * 50, content[: len(content) // 2]):
        path.write_bytes(bad)
        for ask in (recognise(path).classes, recognise(path).runs_author_code, opened):
            with pytest.raises(ModelError, match=rf"is damaged \({len(bad)} bytes") as caught:
                ask(path)
            assert str(tmp_path) not in str(caught.value)
    path.write_bytes(content)
    programs.rewritten(path, lambda name, old: old.replace(b"conv", b"nonv") if "/code/" in name else old)
    with pytest.raises(ModelError, match="cannot read the program"):
        opened(path)
    network[0].weight.data[0] = float("inf")
    with pytest.raises(ModelError, match=r"'0\.weight'.*NaN or infinite"):
        opened(programs.save_script(path, network))


def test_a_program_without_weights_says_what_it_lacks_or_that_there_is_nothing_to_show(tmp_path):
    class Doubles(nn.Module):
        def forward(self, x):
            return x * 2

    path = programs.save_script(tmp_path / "a.ts", Doubles().eval())
    with pytest.raises(ModelError, match="does not show how many channels"):
        opened(path)
    programs.describe(path, channels=["CT"], spatial_dims=3)
    with pytest.raises(ModelError, match="no step whose activation"):
        opened(path)


def test_other_kinds_keep_their_files(tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "weights.pt")
    exporting = programs.save_exported(tmp_path / "b.pt2", nn.Conv3d(1, 2, 1).eval(), torch.zeros(1, 1, 8, 8, 8))
    script = programs.save_script(tmp_path / "c.pt", nn.Conv3d(1, 2, 1).eval())
    exporting.rename(tmp_path / "b.pt")
    for source in (tmp_path / "weights.pt", tmp_path / "b.pt", tmp_path, {"factory": "x"}, "demo:honest"):
        assert not torchscript.KIND.recognises(source)
    assert exported.KIND.recognises(tmp_path / "b.pt") and not exported.KIND.recognises(script)
    assert recognise(tmp_path / "b.pt").name == "exported" and recognise(script).name == "torchscript"
