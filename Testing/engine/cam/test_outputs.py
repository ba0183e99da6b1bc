"""Networks that return several tensors, or logits smaller than the image: which are taken, said, and can be chosen."""

import dataclasses
from collections import OrderedDict, namedtuple

import numpy as np
import pytest
import torch
from torch import nn

from engine import toys
from engine.programs import describe, save_exported, save_script
from seghirescam.cam.layers.listing import trace
from seghirescam.cam.logits.score import ClassLogit
from seghirescam.evaluation.deletion.activation_deletion import activation_curve
from seghirescam.models import open_model
from seghirescam.models.plain import PlainModel
from seghirescam.models.segmentation_model import Windows
from seghirescam.protocol.errors import LayerError, ModelError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.recipes import WholeImage
from seghirescam.session.explain import explain, list_layers, predict
from seghirescam.session.opening import open_session
from seghirescam.session.whole import WholeSession


class Supervised(nn.Module):
    """Two supervised exits of equal size, as UNet++ has them: the first never sees what the encoder's end computes."""

    def __init__(self, first=False, container=list):
        super().__init__()
        self.stem, self.down = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.deep, self.up = nn.Conv2d(4, 4, 3, stride=2, padding=1), nn.ConvTranspose2d(4, 3, 4, 4)
        self.shallow = nn.ConvTranspose2d(4, 3, 2, 2)
        self.exits = nn.ModuleList([nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1)])
        self.first, self.container = first, container

    def forward(self, x):
        x = torch.relu(self.stem(x))
        low = torch.relu(self.down(x))
        early = self.exits[0](x + self.shallow(low))
        late = self.exits[1](x + self.up(torch.relu(self.deep(low))))
        return self.container([early, late][:: -1 if self.first else 1])


def alone(network, number):
    """The same weights with one output: what has to come out, by a network that leaves no choice."""

    class One(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = network

        def forward(self, x):
            return self.net(x)[number]

    return One()


def seeded(network, seed=0):
    torch.manual_seed(seed)
    for p in network.parameters():
        nn.init.normal_(p, 0, 0.4)
    return network.eval()


def flat(size=16, seed=0):
    grid = Grid.from_spacing((1, size, size))
    return Image(np.random.default_rng(seed).normal(size=grid.shape).astype(np.float32), grid)


def two_d(network, **words):
    return PlainModel(network, ["a", "b"], spatial_dims=2, **words)


def whole(image):
    return PixelSet(np.ones(image.grid.shape), image.grid, "all")


@pytest.mark.parametrize("first", [False, True])
def test_of_equal_outputs_the_deepest_exit_is_taken_and_said_wherever_it_stands(first):
    network, image = seeded(Supervised(first)), flat()
    place = 0 if first else 1
    (found,) = explain(two_d(network), image, WholeImage(), class_index=1, layers=["deep"])
    truth = network(torch.from_numpy(image.array[:, 0])[None])[place][0, 1].sum().item()
    assert found.score == pytest.approx(truth, rel=1e-5)
    assert any(f"output {place} was taken: 2 are equal in size, and most of the network" in n for n in found.notes)
    assert found.provenance["output"] == str(place) and found.provenance["output_stated"] is False
    assert np.array_equal(
        predict(two_d(network), image, 1).weights, predict(two_d(alone(network, place)), image, 1).weights
    )


def test_a_stated_output_is_taken_and_the_default_layer_lies_on_its_way():
    network, image = seeded(Supervised()), flat()
    listed = [layer.name for layer in list_layers(two_d(network, output=0), image)]
    assert "deep" not in listed and "up" not in listed and "down" in listed
    (found,) = explain(two_d(network, output=0), image, WholeImage(), class_index=1)
    assert found.layer.name == "down"
    assert "The network returns 2 outputs; output 0 was taken, as stated." in found.notes
    (other,) = explain(two_d(alone(network, 0)), image, WholeImage(), class_index=1, layers=["net.down"])
    assert np.allclose(found.map, other.map, atol=1e-6) and found.score == pytest.approx(other.score, rel=1e-5)
    (late,) = explain(two_d(network), image, WholeImage(), class_index=1)
    assert late.layer.name == "deep"
    with pytest.raises(LayerError, match="'deep' has no influence on the output that was taken"):
        explain(two_d(network, output=0), image, WholeImage(), class_index=1, layers=["deep"])


def test_two_choices_on_one_network_do_not_disturb_each_other():
    network, image = seeded(Supervised()), flat()
    sessions = [WholeSession(two_d(network, output=n), image) for n in (0, 1)]
    for _ in range(2):
        for n, session in enumerate(sessions):
            truth = network(torch.from_numpy(image.array[:, 0])[None])[n].detach().numpy()
            assert np.allclose(session.logits()[:, 0], truth[0], atol=1e-6)
            assert ("deep" in [layer.name for layer in session.layers()]) == (n == 1)
    assert not network._forward_hooks


def test_windows_and_the_deletion_of_cells_take_the_same_output():
    network = seeded(Supervised())
    image = Image(np.random.default_rng(0).normal(size=(3, 16, 16)).astype(np.float32), Grid.from_spacing((3, 16, 16)))
    windows = Windows((1, 8, 8), _tiles, np.ones((1, 8, 8), np.float32))
    for words in ({"windows": windows}, {}):
        two, one = two_d(network, output=0, **words), two_d(alone(network, 0), **words)
        assert np.allclose(open_session(two, image).logits(), open_session(one, image).logits(), atol=1e-6)
        (a,) = explain(two, image, whole(image), class_index=1)
        (b,) = explain(one, image, whole(image), class_index=1, layers=["net.down"])
        assert np.allclose(a.map, b.map, atol=1e-6) and a.layer.name == "down" and a.provenance["output"] == "0"
        (c,) = explain(two, image, whole(image), class_index=1, methods="seg_ablation_cam")
        (d,) = explain(one, image, whole(image), class_index=1, layers=["net.down"], methods="seg_ablation_cam")
        assert np.allclose(c.map, d.map, atol=1e-5)
    image = flat()
    curves = []
    for model, layer in ((two_d(network, output=0), "down"), (two_d(alone(network, 0)), "net.down")):
        (one,) = explain(model, image, whole(image), class_index=1, layers=[layer])
        curves.append(activation_curve(model, image, whole(image), ClassLogit(1), one, fractions=(0, 0.5, 1)))
    assert np.allclose(curves[0].logits, curves[1].logits, rtol=1e-5)


def _tiles(shape):
    return [(k, j, i) for k in range(shape[0]) for j in (0, 4, 8) for i in (0, 8)]


Pair = namedtuple("Pair", "features logits")


@dataclasses.dataclass
class Answer:
    loss: object
    logits: torch.Tensor


class Wrapped(nn.Module):
    """What libraries make of a head's logits z and its features f."""

    def __init__(self, pack):
        super().__init__()
        self.body, self.head = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 2, 1)
        self.aux, self.pack = nn.Conv2d(2, 2, 1), pack

    def forward(self, x):
        f = torch.relu(self.body(x))
        return self.pack(self.head(f), f, self.aux(f))


@pytest.mark.parametrize(
    "pack",
    [
        lambda z, f, aux: OrderedDict(out=z, aux=aux),  # torchvision
        lambda z, f, aux: {"features": f, "logits": z},
        lambda z, f, aux: Pair(f, z),
        lambda z, f, aux: Answer(None, z),
        lambda z, f, aux: [[z]],
        lambda z, f, aux: (z, torch.softmax(z, dim=1)),
        lambda z, f, aux: (torch.softmax(z, dim=1), z),
        lambda z, f, aux: {"pred": z, "embedding": f.mean(dim=(2, 3))},
        lambda z, f, aux: (z, aux[..., ::2, ::2], None, z.mean()),
    ],
)
def test_containers_of_libraries_are_read_and_every_choice_is_told(pack):
    network, image = seeded(Wrapped(pack)), flat()
    tensor = torch.from_numpy(image.array[:, 0])[None]
    truth = network.head(torch.relu(network.body(tensor))).detach()
    model = two_d(network)
    assert np.allclose(WholeSession(model, image).logits()[:, 0], truth[0].numpy(), atol=1e-6)
    (found,) = explain(model, image, WholeImage(), class_index=1, layers=["body"])
    assert found.score == pytest.approx(truth[0, 1].sum().item(), rel=1e-5)
    grids = [t for t in _leaves(network(tensor)) if t.ndim == 4]
    assert any("outputs; output" in note for note in found.notes) == (len(grids) > 1)


def _leaves(value):
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, Answer):
        return [value.logits]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [leaf for part in parts for leaf in _leaves(part)]


def test_an_output_is_stated_by_its_key_or_place_and_an_unknown_one_is_refused_with_the_list():
    network, image = seeded(Wrapped(lambda z, f, aux: OrderedDict(out=z, rest={"aux": aux}))), flat()
    f = torch.relu(network.body(torch.from_numpy(image.array[:, 0])[None]))
    for word, truth in (("out", network.head(f)), ("aux", network.aux(f)), ("rest.aux", network.aux(f)),
                        ("rest", network.aux(f)), (1, network.aux(f))):  # fmt: skip
        found = WholeSession(two_d(network, output=word), image).logits()
        assert np.allclose(found[:, 0], truth[0].detach().numpy(), atol=1e-6)
    with pytest.raises(ModelError, match=r"no output 'logits'\. It returns: out \[2 x 16 x 16\], rest.aux \[2"):
        explain(two_d(network, output="logits"), image, WholeImage(), class_index=1)
    with pytest.raises(ModelError, match="returns one tensor and no output 1"):
        explain(two_d(alone(Supervised(), 0), output=1), image, WholeImage(), class_index=1)


def test_equal_outputs_that_nothing_tells_apart_are_refused_with_the_word_to_write():
    network = seeded(Wrapped(lambda z, f, aux: (z, aux)))
    with pytest.raises(ModelError, match=r"2 outputs of equal size \(0, 1\).*Write the word \"output\""):
        explain(two_d(network), flat(), WholeImage(), class_index=1)


def test_labels_and_results_of_several_prompts_are_refused_with_what_to_do():
    class Labels(nn.Conv2d):
        def forward(self, x):
            return super().forward(x).argmax(dim=1)

    with pytest.raises(ModelError, match=r"whole numbers \(int64\), labels.*Remove the argmax"):
        explain(two_d(Labels(1, 2, 1)), flat(), WholeImage(), class_index=1)
    with pytest.raises(ModelError, match=r"whole numbers \(int64\)"):
        WholeSession(two_d(seeded(Wrapped(lambda z, f, aux: {"mask": z.argmax(1)}))), flat()).logits()

    class Prompts(nn.Conv2d):
        def forward(self, x):
            return super().forward(x).transpose(0, 1)

    with pytest.raises(ModelError, match="2 results of a batch of 1.*become channels"):
        explain(
            PlainModel(Prompts(1, 2, 1), ["a"], spatial_dims=2, head="sigmoid"), flat(), WholeImage(), class_index=0
        )


def halves(length, factor):
    """Matrix of linear interpolation whose corners are not aligned: length cells to factor times as many."""
    matrix = np.zeros((length * factor, length))
    for i in range(length * factor):
        x = min(max((i + 0.5) / factor - 0.5, 0), length - 1)
        low = min(int(x), length - 2)
        matrix[i, low], matrix[i, low + 1] = 1 - (x - low), x - low
    return torch.from_numpy(matrix)


class Small(nn.Module):
    """As SegFormer: stride ``factor``, a 1x1 head there, nothing behind it."""

    def __init__(self, dims, factor, pack=lambda z: z):
        super().__init__()
        self.patch = toys.conv(dims, 1, 3, factor, stride=factor)
        self.mix, self.head = toys.conv(dims, 3, 4, 3, padding=1), toys.conv(dims, 4, 2, 1)
        self.pack = pack

    def forward(self, x):
        return self.pack(self.head(torch.tanh(self.mix(torch.tanh(self.patch(x))))))


@pytest.mark.parametrize(("dims", "factor"), [(2, 4), (3, 2), (3, 4), (2, 8)])
def test_logits_at_a_part_of_the_size_are_enlarged_and_the_score_is_over_the_image(dims, factor):
    network = seeded(Small(dims, factor, lambda z: {"logits": z})).double()
    size = 3 * factor
    shape = (1, size, size) if dims == 2 else (size,) * 3
    image = Image(np.random.default_rng(1).normal(size=shape), Grid.from_spacing(shape))
    weights = np.random.default_rng(2).random(shape)
    x = torch.from_numpy(image.array.astype(np.float32)).double().reshape(1, 1, *shape[3 - dims :])
    a = network.mix(torch.tanh(network.patch(x))).detach().requires_grad_()
    y = network.head(torch.tanh(a))[0]
    for axis in range(dims):
        y = torch.tensordot(halves(3, factor), y, dims=([1], [axis + 1])).movedim(0, axis + 1)
    score = (y[1] * torch.from_numpy(weights).float().reshape(shape[3 - dims :])).sum()
    (g,) = torch.autograd.grad(score, a)
    model = PlainModel(network, ["a", "b"], spatial_dims=dims)
    pixels = PixelSet(weights, image.grid, "soft")
    (found,) = explain(model, image, pixels, class_index=1, layers=["mix"])
    (input_map,) = explain(model, image, pixels, class_index=1, methods="input_x_gradient")
    assert found.score == pytest.approx(score.item(), rel=1e-6)
    # what Seg-HiRes-Grad CAM is: the products, summed over the channels
    assert np.allclose(found.map.reshape(a.shape[2:]), (a * g)[0].sum(0).detach().numpy(), atol=1e-5)
    assert np.allclose(WholeSession(model, image).logits().reshape(y.shape), y.detach().numpy(), atol=1e-5)
    assert any(f"enlarged {factor} times" in note for note in found.notes)
    assert found.provenance["logits_enlarged"] == factor and input_map.map.shape == shape
    parts = {layer.name: layer.part for layer in list_layers(model, image)}
    assert parts["head"] == "head" and parts["mix"] != "head"


def test_sizes_that_are_no_half_quarter_or_eighth_are_refused_with_both():
    for network, sizes in (
        (nn.Conv2d(1, 2, 3, stride=3), "(5, 5)"),
        (nn.Conv2d(1, 2, (2, 4), stride=(2, 4)), "(8, 4)"),
    ):
        with pytest.raises(ModelError) as refused:
            explain(two_d(network), flat(), WholeImage(), class_index=1)
        assert f"(16, 16) voxels into logits of {sizes}" in str(refused.value)


@pytest.mark.parametrize("how", ["export", "script"])
def test_programs_keep_the_keys_of_their_outputs(tmp_path, how):
    class Keyed(nn.Module):
        def __init__(self):
            super().__init__()
            self.down, self.up = nn.Conv3d(1, 3, 3, stride=2, padding=1), nn.ConvTranspose3d(3, 3, 2, 2)
            self.out, self.aux = nn.Conv3d(3, 2, 1), nn.Conv3d(3, 2, 1)

        def forward(self, x):
            x = self.up(torch.relu(self.down(x)))
            return {"out": self.out(x), "aux": self.aux(x)}

    network, x = seeded(Keyed()), torch.randn(1, 1, 8, 8, 8)
    image = Image(x[0].numpy(), Grid.from_spacing((8, 8, 8)))
    for word in (None, "out", "aux", 1):
        path = tmp_path / f"{how}{word}.{'pt2' if how == 'export' else 'ts'}"
        save_exported(path, network, x) if how == "export" else save_script(path, network)
        describe(path, classes=["a", "b"], window={"size": [8, 8, 8]}, **({"output": word} if word is not None else {}))
        session = open_session(open_model(path, consent=True), image)
        truth = network(x)["aux" if word in ("aux", 1) else "out"][0].detach().numpy()
        assert np.allclose(session.logits(), truth, atol=1e-5), word


def test_unet_plus_plus_with_deep_supervision_is_explained_at_its_last_exit(tmp_path):
    nets = pytest.importorskip("monai.networks.nets")
    torch.manual_seed(0)
    arguments = {"spatial_dims": 2, "in_channels": 1, "out_channels": 2, "features": [2, 2, 4, 4, 4, 2]}
    network = nets.BasicUNetPlusPlus(**arguments, deep_supervision=True).eval()
    torch.save(network.state_dict(), tmp_path / "u.pth")
    source = {"monai": "BasicUNetPlusPlus", "arguments": arguments | {"deep_supervision": True}, "classes": ["b", "a"]}
    image = flat(32)
    for word in (None, 0):
        model = open_model(source | {"weights": str(tmp_path / "u.pth")} | ({} if word is None else {"output": word}))
        session = WholeSession(model, image)
        exits = network(model.prepare(image).tensor)
        assert np.allclose(session.logits()[:, 0], exits[-1 if word is None else 0][0].detach().numpy(), atol=1e-5)
        (found,) = session.ask(WholeImage(), class_index=1)
        assert found.layer.name == ("conv_4_0" if word is None else "conv_1_0")
        assert any(f"output {3 if word is None else 0} was taken" in note for note in found.notes)


def test_the_list_alone_reads_the_network_too():
    listed = {layer.name: layer for layer in trace(seeded(Supervised()), (1, 1, 16, 16))}
    assert listed["exits.0"].idle and not listed["deep"].idle and not listed["exits.1"].idle
