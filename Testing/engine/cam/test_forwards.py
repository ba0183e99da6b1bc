"""Forwards that cannot be explained, or not as they are: each gets the sentence that names its own cause."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from engine.programs import save_exported, save_script
from seghirescam.cli import main
from seghirescam.io.volumes import write_volume
from seghirescam.models import open_model, recognise
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.errors import GradientError, LayerError, ModelError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.recipes import WholeImage
from seghirescam.session.explain import explain, list_layers
from seghirescam.session.whole import WholeSession


def picture(size=8, seed=0):
    grid = Grid.from_spacing((size,) * 3)
    return Image(np.random.default_rng(seed).normal(size=grid.shape).astype(np.float32), grid)


class Inferring(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.h = nn.Conv3d(1, 4, 3, padding=1), nn.Conv3d(4, 2, 1)

    def forward(self, x):
        with torch.inference_mode():
            return self.h(self.a(x).relu())


def test_inference_mode_inside_the_forward_has_its_own_sentence_and_the_prediction_its_note():
    torch.manual_seed(0)
    model, image = PlainModel(Inferring(), ["b", "a"]), picture()
    for ask in (lambda: explain(model, image, WholeImage(), class_index=1), lambda: list_layers(model, image)):
        with pytest.raises(GradientError, match="forward enters torch.inference_mode.*Use torch.no_grad"):
            ask()
    session = WholeSession(model, image)
    truth = model.network(torch.from_numpy(image.array)[None])[0].numpy()
    assert np.array_equal(session.logits(), truth)
    assert any("can predict, and cannot be explained" in note for note in session.output_notes)


FORWARDS = {
    "inference": "        with torch.inference_mode():\n            return self.h(self.a(x).relu())\n",
    "raising": "        assert x.mean() > 5, 'the image is too dark'\n        return self.h(self.a(x))\n",
}


def factory(folder, name):
    (folder / "net.py").write_text(
        "import torch\n\n\nclass M(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.a = torch.nn.Conv3d(1, 4, 3, padding=1)\n        self.h = torch.nn.Conv3d(4, 2, 1)\n\n"
        f"    def forward(self, x):\n{FORWARDS[name]}\n\ndef build():\n    return M()\n"
    )
    torch.save(Inferring().state_dict(), folder / "w.pth")
    about = {"factory": "net.py", "weights": "w.pth", "classes": ["b", "a"]}
    (folder / "m.model.json").write_text(json.dumps(about))
    image = picture()
    write_volume(folder / "x.nii.gz", image.array[0], image.grid)
    return ["m.model.json", "--image", "x.nii.gz", "--consent", "--device", "cpu"]


def test_the_commands_say_it_too(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = factory(tmp_path, "inference")
    assert main(["predict", *words, "--out", "p.nii.gz"]) == 0
    assert "enters torch.inference_mode, so no gradient can be taken" in capsys.readouterr().err
    assert main(["explain", *words, "--class", "a", "--pixel-set", "whole", "--out", "o"]) == 2
    told = capsys.readouterr().err
    assert "enters torch.inference_mode, so no gradient can be taken" in told and "size it accepts" not in told
    words = factory(tmp_path, "raising")
    assert main(["explain", *words, "--class", "a", "--pixel-set", "whole", "--out", "o"]) == 2
    told = capsys.readouterr().err
    assert "the image is too dark" in told and "not in the size" in told and "a size it accepts" not in told
    assert main(["predict", *words, "--out", "q.nii.gz"]) == 2
    assert "AssertionError: the image is too dark" in capsys.readouterr().err


def test_the_size_is_blamed_only_where_another_one_runs():
    class Even(nn.Module):
        def __init__(self):
            super().__init__()
            self.down, self.up = nn.Conv3d(1, 2, 3, stride=2, padding=1), nn.ConvTranspose3d(2, 2, 2, 2)

        def forward(self, x):
            return torch.cat([self.up(self.down(x)), x], dim=1)

    with pytest.raises(ModelError, match=r"of \(7, 7, 7\) voxels.*It runs on \(32, 32, 32\): give a size it accepts"):
        list_layers(PlainModel(Even(), ["a", "b", "c"]), picture(7))

    class Broken(nn.Conv3d):
        def forward(self, x):
            raise KeyError("spacing")

    with pytest.raises(ModelError, match=r"\(KeyError: 'spacing'\).*not in the size"):
        list_layers(PlainModel(Broken(1, 2, 1), ["a", "b"]), picture(7))


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Conv3d(2, 2, 3, padding=1), nn.Conv3d(2, 2, 1)

    def forward(self, rgb, depth):
        return self.head(torch.relu(self.body(torch.cat([rgb, depth], dim=1))))


class One(nn.Module):
    """The wrapper that the sentence names."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(rgb=x[:, :1], depth=x[:, 1:])


def test_several_inputs_are_named_with_the_wrapper_that_makes_them_one(tmp_path):
    grid = Grid.from_spacing((8, 8, 8))
    image = Image(np.random.default_rng(0).normal(size=(2, *grid.shape)).astype(np.float32), grid)
    words = {"channels": ("rgb", "depth")}
    for ask in (lambda s: s.logits(), lambda s: s.layers(), lambda s: s.ask(WholeImage(), class_index=1)):
        with pytest.raises(ModelError, match=r"takes 2 inputs \(rgb, depth\).*rgb=x\[:, :1\], depth=x\[:, 1:\]"):
            ask(WholeSession(PlainModel(Two(), ["a", "b"], **words), image))
    two = Two()
    (found,) = explain(PlainModel(One(two), ["a", "b"], **words), image, WholeImage(), class_index=1)
    x = torch.from_numpy(image.array)[None]
    assert found.score == pytest.approx(two(x[:, :1], x[:, 1:])[0, 1].sum().item(), rel=1e-4)
    x = torch.zeros(1, 1, 8, 8, 8)
    program = torch.export.export(two, (x, x))
    torch.export.save(program, tmp_path / "two.pt2")
    with pytest.raises(ModelError, match=r"program takes 2 inputs \(rgb, depth\).*rgb=x\[:, :1\]"):
        open_model(tmp_path / "two.pt2", consent=True)
    with pytest.raises(ModelError, match=r"program takes 2 inputs \(rgb, depth\).*rgb=x\[:, :1\]"):
        open_model(save_script(tmp_path / "two.ts", two), consent=True)


class Prompted(nn.Module):
    """As VISTA3D: without a prompt nothing is segmented, with some there is one result a prompt ``[B, 1, ...]``."""

    def __init__(self):
        super().__init__()
        self.body, self.embedding = nn.Conv3d(1, 3, 3, padding=1), nn.Embedding(5, 3)

    def forward(self, input_images, patch_coords=None, class_vector=None):
        if class_vector is None:
            return -9999 + torch.zeros([1, 1, *input_images.shape[2:]])
        weights = self.embedding(class_vector[:, 0])
        return torch.einsum("nc,bcxyz->nxyz", weights, torch.relu(self.body(input_images)))[:, None]


def test_prompts_that_were_left_out_are_named_and_a_wrapper_that_gives_them_is_explained():
    torch.manual_seed(0)
    network, image = Prompted().eval(), picture()
    for ask in (lambda s: s.logits(), lambda s: s.predict(0)):
        with pytest.raises(ModelError, match=r"same number everywhere.*left empty \(patch_coords, class_vector\)"):
            ask(WholeSession(PlainModel(network, ["a"], head="sigmoid"), image))

    class Asked(nn.Module):
        def __init__(self, transposed):
            super().__init__()
            self.net, self.transposed = network, transposed

        def forward(self, x):
            found = self.net(x, class_vector=torch.tensor([[1], [3]]))
            return found.transpose(0, 1) if self.transposed else found

    with pytest.raises(ModelError, match=r"2 results of a batch of 1.*transpose\(0, 1\)"):
        WholeSession(PlainModel(Asked(False), ["a", "b"], head="sigmoid"), image).logits()
    model = PlainModel(Asked(True), ["a", "b"], head="sigmoid")
    (found,) = explain(model, image, WholeImage(), class_index=1, layers=["net.body"])
    truth = network(torch.from_numpy(image.array)[None], class_vector=torch.tensor([[3]])).sum().item()
    assert found.score == pytest.approx(truth, rel=1e-4) and found.completeness == pytest.approx(1, abs=0.6)


def test_a_network_of_a_head_alone_has_no_default_and_says_which_layer_can_be_named():
    model = PlainModel(nn.Sequential(nn.Conv3d(1, 2, 3, padding=1)), ["a", "b"])
    with pytest.raises(LayerError, match="no layer before its head.*Name one: 0"):
        explain(model, picture(), WholeImage(), class_index=1)
    assert explain(model, picture(), WholeImage(), class_index=1, layers=["0"])[0].status == "ok"


class Labels(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Conv3d(1, 2, 3, padding=1)

    def forward(self, x):
        return self.net(x).argmax(dim=1, keepdim=True)


@pytest.mark.parametrize("how", ["export", "script"])
def test_programs_that_end_in_an_argmax_are_refused_with_that_word(tmp_path, how):
    path = tmp_path / ("n.pt2" if how == "export" else "n.ts")
    save_exported(path, Labels(), torch.zeros(1, 1, 8, 8, 8)) if how == "export" else save_script(path, Labels())
    with pytest.raises(ModelError, match="whole numbers.*Remove the argmax"):
        open_model(path, consent=True)


def test_a_script_without_a_description_is_explained_by_the_number_of_its_class(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(1, 2, 3, padding=1), nn.ReLU(), nn.Conv3d(2, 3, 1)).eval()
    save_script(tmp_path / "n.ts", network)
    image = picture()
    write_volume(tmp_path / "x.nii.gz", image.array[0], image.grid)
    assert recognise(tmp_path / "n.ts").classes(tmp_path / "n.ts") == ()
    words = ["n.ts", "--image", "x.nii.gz", "--consent", "--device", "cpu"]
    assert main(["explain", *words, "--class", "2", "--pixel-set", "whole", "--out", "o", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["results"]
    truth = network(torch.from_numpy(image.array)[None])[0, 2].sum().item()
    assert found["score"] == pytest.approx(truth, rel=1e-4)
    assert main(["explain", *words, "--class", "3", "--pixel-set", "whole", "--out", "p"]) == 2
    assert "no class 3" in capsys.readouterr().err and not (tmp_path / "p").exists()


def test_the_worker_says_the_classes_of_a_script_once_it_has_been_opened(tmp_path):
    from seghirescam.protocol.arrays import write_array
    from seghirescam.worker.jobs import Jobs

    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(1, 2, 3, padding=1), nn.ReLU(), nn.Conv3d(2, 3, 1)).eval()
    path, image = str(save_script(tmp_path / "n.ts", network)), picture()
    jobs = Jobs(tmp_path)
    ask = {"model": path, "do": "describe"}
    told = jobs.do(ask, lambda *words: None)
    assert told["classes"] == [] and told["consent_sha256"]
    sent = {"array": write_array(tmp_path, "i.npy", image.array), "grid": image.grid.to_json()}
    words = {"model": path, "image": sent, "consent_sha256": told["consent_sha256"], "device": "cpu"}
    jobs.do({"do": "layers", **words}, lambda *words: None)
    told = jobs.do(ask, lambda *words: None)
    assert [c["name"] for c in told["classes"]] == ["class 0", "class 1", "class 2"] and told["channels"] == ["image"]
    save_script(tmp_path / "n.ts", nn.Sequential(nn.Conv3d(1, 2, 3, padding=1), nn.ReLU(), nn.Conv3d(2, 2, 1)).eval())
    assert jobs.do(ask, lambda *words: None)["classes"] == []
