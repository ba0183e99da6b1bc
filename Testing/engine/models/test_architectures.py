"""Networks told by the names and shapes of their weights: MONAI's asked of MONAI itself, others by recorded names."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from engine.library_shapes import resnet, unet_decoder
from seghirescam.models.architectures import factory_file
from seghirescam.models.architectures.convolutions import convolutions
from seghirescam.models.architectures.library_networks import is_classifier, library_network
from seghirescam.models.architectures.monai_check import monai_network
from seghirescam.models.weights.tensor_table import TensorTable, table_of

SMALL = {"spatial_dims": 2, "in_channels": 3, "out_channels": 2}
#: (network of MONAI, its arguments, what weights alone cannot tell of them)
NETWORKS = [
    ("UNet", SMALL | {"channels": [4, 8, 16], "strides": [2, 2], "num_res_units": 2}, set()),
    ("UNet", SMALL | {"channels": [4, 8, 16], "strides": [2, 1], "num_res_units": 1, "bias": False}, set()),
    ("UNet", SMALL | {"channels": [4, 8, 16], "strides": [1, 2], "norm": "BATCH", "act": "RELU"}, {"strides"}),
    ("UNet", SMALL | {"channels": [4, 8], "strides": [2], "kernel_size": 5, "up_kernel_size": 3}, set()),
    ("BasicUNet", SMALL | {"features": [4, 5, 6, 7, 8, 9]}, set()),
    ("BasicUNet", SMALL | {"features": [4, 5, 6, 7, 8, 9], "upsample": "nontrainable", "norm": "BATCH"}, set()),
    ("BasicUNetPlusPlus", SMALL | {"features": [4, 5, 6, 7, 8, 9]}, set()),
    ("AttentionUnet", SMALL | {"channels": [4, 8, 16], "strides": [2, 2]}, set()),
    ("AttentionUnet", SMALL | {"spatial_dims": 3, "channels": [4, 8], "strides": [2]}, set()),
    ("VNet", {"in_channels": 1, "out_channels": 2, "bias": True}, set()),
    ("DynUNet", SMALL | {"kernel_size": [3, [3, 1], 3], "strides": [1, 2, [2, 1]], "upsample_kernel_size": [2, [2, 1]],
                         "filters": [4, 8, 12], "deep_supervision": True}, set()),
    ("DynUNet", SMALL | {"spatial_dims": 3, "kernel_size": [3, 3, 3], "strides": [1, 2, 2],
                         "upsample_kernel_size": [2, 2], "filters": [4, 8, 8], "res_block": True,
                         "norm_name": "BATCH"}, set()),
    ("SegResNet", SMALL | {"init_filters": 8, "blocks_down": [1, 2], "blocks_up": [1]}, set()),
    ("SegResNet", SMALL | {"init_filters": 8, "blocks_down": [1, 2, 2, 4], "blocks_up": [1, 1, 1],
                           "upsample_mode": "deconv", "norm": "BATCH"}, set()),
    ("SegResNetDS", SMALL | {"init_filters": 8, "blocks_down": [1, 2]}, set()),
    ("SegResNetDS", SMALL | {"init_filters": 8, "blocks_down": [1, 2, 2], "dsdepth": 2,
                             "upsample_mode": "nontrainable"}, set()),
    ("UNETR", {"in_channels": 1, "out_channels": 2, "img_size": [32, 32, 32], "feature_size": 4, "hidden_size": 24,
               "mlp_dim": 24, "num_heads": 2}, {"num_heads"}),
    ("SwinUNETR", SMALL | {"feature_size": 12, "use_v2": True, "depths": [2, 2, 4, 2]}, set()),
]  # fmt: skip


def table(network, prefix=""):
    return TensorTable({prefix + name: tuple(value.shape) for name, value in network.state_dict().items()})


@pytest.mark.parametrize(("name", "arguments", "untold"), NETWORKS)
def test_networks_of_monai_are_told_by_their_weights_and_asked_of_monai(name, arguments, untold):
    nets = pytest.importorskip("monai.networks.nets")
    pytest.importorskip("einops")
    with torch.device("cpu"):
        network = getattr(nets, name)(**arguments)
    found = monai_network(table(network, "net."))
    assert (found.network, found.verified, found.prefix) == (name, True, "net.")
    told = {word: found.arguments[word] for word in arguments}
    assert {word for word in arguments if told[word] != arguments[word]} == untold
    assert untold <= set(found.assumed)
    if "strides" in arguments and name != "DynUNet" and not (name == "UNet" and arguments["strides"] == [1, 2]):
        assert ("strides" in found.assumed) == (2 in arguments["strides"])


def test_stated_arguments_go_before_guessed_ones_and_are_assumed_no_more():
    nets = pytest.importorskip("monai.networks.nets")
    shapes = table(nets.UNet(2, 1, 2, (4, 8, 16), (2, 1)))
    assert monai_network(shapes).arguments["strides"] == [2, 2] and "strides" in monai_network(shapes).assumed
    found = monai_network(shapes, {"strides": [2, 1]})
    assert found.arguments["strides"] == [2, 1] and "strides" not in found.assumed and found.verified


def test_a_network_that_is_nearly_one_of_monai_is_none():
    nets = pytest.importorskip("monai.networks.nets")
    shapes = dict(table(nets.BasicUNet(2, 1, 2, (4, 4, 8, 8, 8, 4))).shapes)
    assert monai_network(TensorTable({**shapes, "more.weight": (3, 3)})) is None
    shapes["upcat_2.convs.conv_0.conv.weight"] = (4, 13, 3, 3)
    assert monai_network(TensorTable(shapes)) is None


@pytest.mark.parametrize("ordered", [True, False])
def test_a_unet_of_segmentation_models_pytorch_is_told_by_its_names(ordered):
    head = {"segmentation_head.0.weight": (2, 16, 3, 3), "segmentation_head.0.bias": (2,)}
    shapes = resnet((3, 4, 6, 3), False, "encoder.", stem=1) | unet_decoder(
        (256, 128, 64, 32, 16), (64, 64, 128, 256, 512)
    )
    shapes = {f"model.{name}": shape for name, shape in (shapes | head).items()}
    found = library_network(TensorTable(shapes if ordered else dict(sorted(shapes.items())), ordered))
    assert (found.library, found.network, found.prefix) == ("segmentation_models_pytorch", "Unet", "model.")
    assert found.arguments == {
        "encoder_name": "resnet34", "encoder_weights": None, "in_channels": 1, "classes": 2,
        "decoder_channels": [256, 128, 64, 32, 16], "encoder_depth": 5,
    } and found.assumed == {}  # fmt: skip
    shapes["model.encoder.layer1.0.conv1.weight"] = (65, 64, 3, 3)
    other = library_network(TensorTable(shapes))
    assert "encoder_name" in other.assumed
    assert library_network(TensorTable(shapes), {"encoder_name": "tu-x"}).assumed == {}


def test_networks_of_torchvision_are_told_by_their_names():
    fcn = {
        "classifier.0.weight": (512, 2048, 3, 3),
        "classifier.1.weight": (512,),
        "classifier.4.weight": (21, 512, 1, 1),
    }
    aux = {"aux_classifier.4.weight": (21, 256, 1, 1)}
    found = library_network(TensorTable(resnet((3, 4, 23, 3), True, "backbone.") | fcn | aux))
    assert (found.library, found.network, found.output) == ("torchvision", "fcn_resnet101", "out")
    assert found.arguments == {"weights": None, "weights_backbone": None, "num_classes": 21, "aux_loss": True}
    deeplab = {"classifier.0.convs.0.0.weight": (256, 2048, 1, 1), "classifier.4.weight": (3, 256, 1, 1)}
    found = library_network(TensorTable(resnet((3, 4, 6, 3), True, "backbone.") | deeplab))
    assert (found.network, found.out_channels, found.in_channels) == ("deeplabv3_resnet50", 3, 3)


def test_a_classifier_is_one():
    assert is_classifier(TensorTable(resnet((2, 2, 2, 2), False, "") | {"fc.weight": (1000, 512), "fc.bias": (1000,)}))
    assert not is_classifier(table(nn.Sequential(nn.Conv2d(1, 2, 3))))


SMP = ("Unet", "UnetPlusPlus", "MAnet", "Linknet", "FPN", "PSPNet", "PAN", "DeepLabV3", "DeepLabV3Plus", "UPerNet",
       "Segformer")  # fmt: skip


@pytest.mark.parametrize("name", SMP)
def test_where_the_library_is_installed_its_own_network_has_the_weights_names(name):
    smp = pytest.importorskip("segmentation_models_pytorch")
    shapes = table(getattr(smp, name)("resnet18", encoder_weights=None, in_channels=1, classes=3))
    found = library_network(shapes)
    assert found.network == name and found.arguments["encoder_name"] == "resnet18"
    again = table(getattr(smp, name)(**found.arguments))
    assert again.shapes == shapes.shapes


def test_input_and_output_channels_are_read_off_the_convolutions(tmp_path):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv3d(2, 4, 3)
            self.enc = nn.Conv3d(4, 8, 3)
            self.dec = nn.Conv3d(12, 4, 3)
            self.outc = nn.Conv3d(4, 3, 1)

    torch.save(Net().state_dict(), tmp_path / "w.pth")
    save_file(Net().state_dict(), tmp_path / "w.safetensors")
    for name in ("w.pth", "w.safetensors"):
        found = convolutions(table_of(tmp_path / name))
        assert (found.spatial_dims, found.in_channels, found.out_channels) == (3, 2, 3)
        assert (found.first, found.last, found.sure) == ("stem.weight", "outc.weight", name == "w.pth")
    up = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ConvTranspose2d(4, 5, 2))
    assert convolutions(table(up)).out_channels == 5
    assert convolutions(table(nn.Linear(3, 3))) is None


def test_a_python_file_is_read_and_not_run(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(
        "import nowhere\nraise SystemExit\n"
        "class Part(nn.Module):\n    def __init__(self, a): self.conv = 1\n"
        "class Net(torch.nn.Module):\n"
        "    def __init__(self, n_channels, n_classes, *, width, deep=2):\n"
        "        self.down = 1\n        self.up = 2\n        self.size = 3\n"
        "def get_loss(): ...\n",
        encoding="utf-8",
    )
    found = factory_file.builders(path)
    assert [one.name for one in found] == ["Part", "Net", "get_loss"]
    net = factory_file.likeliest(found, TensorTable({"net.down.weight": (1,), "net.up.weight": (1,)}))
    assert (net.name, net.needed, net.optional) == ("Net", ("n_channels", "n_classes", "width"), ("deep",))
    assert net.channel_arguments(2, 3) == {"n_channels": 2, "n_classes": 3}
    path.write_text("def build(): ...\nclass A(nn.Module): ...", encoding="utf-8")
    assert factory_file.likeliest(factory_file.builders(path), TensorTable({"a": (1,)})).name == "build"
