"""Networks of segmentation_models_pytorch and torchvision by their tensors' names; neither is imported.

Facts of segmentation_models_pytorch 0.3 to 0.6 and torchvision 0.15 to 0.29.  What is written for them is checked when
the model is opened: weights go in strictly, key by key.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..weights.tensor_table import TensorTable
from .found import SMP, TORCHVISION, Found
from .smp_encoders import ENCODERS, digest

PIP = {SMP: "segmentation-models-pytorch>=0.3", TORCHVISION: "torchvision>=0.15"}
_SMP_HEAD = "segmentation_head.0.weight"
_LINEAR_HEADS = re.compile(r"(fc|head|head\.fc|classifier|classifier\.\d+|last_linear|_fc)\.weight")


def library_network(table: TensorTable, given: dict | None = None) -> Found | None:
    """given: arguments that the caller states. None where it is none of theirs."""
    for prefix, part in table.unwrapped():
        for tried in (_smp, _torchvision):
            found = tried(part, given or {})
            if found is not None:
                return Found(**{**vars(found), "prefix": prefix})
    return None


def is_classifier(table: TensorTable) -> bool:
    """Whether these are weights of a network with one answer an image (timm, torchvision): its last step is a matrix,
    and nothing makes the image whole again."""
    for _, part in table.unwrapped():
        names = [name for name in part.shapes if _LINEAR_HEADS.fullmatch(name)]
        if any(len(part.shapes[name]) == 2 for name in names):
            return not any(re.search(r"decode|upsample|up_|segment", name) for name in part.shapes)
    return False


def _smp(table: TensorTable, given: dict) -> Found | None:
    encoder, decoder = table.below("encoder."), table.below("decoder.")
    if _SMP_HEAD not in table.shapes or not encoder.shapes or not decoder.shapes:
        return None
    network = next((name for name, words in _DECODERS.items() if words[0] in decoder.shapes), None)
    if network is None and "encoder_name" not in given:
        return None
    name = given.get("encoder_name") or ENCODERS.get(digest(encoder.shapes)) or _timm(encoder)
    assumed = {}
    if name is None:
        name = "resnet34"
        assumed["encoder_name"] = "this encoder is not known by its weights. Name it as in the training's code"
    stem = _stem(encoder)
    classes = table.shapes[_SMP_HEAD][0]
    arguments = {"encoder_name": name, "encoder_weights": None, "in_channels": stem, "classes": classes}
    arguments |= _DECODERS[network][1](decoder)
    if network in ("DeepLabV3", "DeepLabV3Plus"):
        assumed["encoder_output_stride"] = "weights do not tell it, nor the rates; the library's default was taken"
        arguments["encoder_output_stride"] = 16 if network == "DeepLabV3Plus" else 8
    aux = table.shapes.get("classification_head.3.weight")
    if aux:
        arguments["aux_params"] = {"classes": aux[0]}
    arguments |= given
    assumed = {word: why for word, why in assumed.items() if word not in given}
    return Found(SMP, network, arguments, stem, classes, 2, assumed, output=0 if aux else None)


#: what the encoders' first convolution is called
_STEMS = (
    "conv1", "conv_stem", "_conv_stem", "layer0.conv1", "features.0", "features.0.0", "features.0.conv",
    "features.conv0", "features.conv1_1.conv", "patch_embed1.proj", "conv2d_1a.conv", "stage0.rbr_conv.0.conv",
)  # fmt: skip


def _stem(encoder):
    """Input channels: of the first convolution by its name; of an encoder not known, of the first one in the file."""
    for stem in _STEMS:
        for name in (f"{stem}.weight", f"model.{stem}.weight"):
            if len(encoder.shapes.get(name, ())) == 4:
                return encoder.shapes[name][1]
    return next((shape[1] for shape in encoder.shapes.values() if len(shape) == 4), 3)


def _timm(encoder):
    """ "tu-" and the name of the commonest timm encoders: residual ones, by their blocks."""
    part = encoder.below("model.")
    blocks = [len({m[1] for n in part.shapes if (m := re.match(rf"layer{k}\.(\d+)\.", n))}) for k in (1, 2, 3, 4)]
    wide = "layer1.0.conv3.weight" in part.shapes
    known = {
        (False, (2, 2, 2, 2)): "resnet18", (False, (3, 4, 6, 3)): "resnet34", (True, (3, 4, 6, 3)): "resnet50",
        (True, (3, 4, 23, 3)): "resnet101", (True, (3, 8, 36, 3)): "resnet152",
    }  # fmt: skip
    plain = part.shapes.get("conv1.weight", (0, 0))[0] == 64 and part.shapes.get("layer1.0.conv2.weight", (0,))[0] == 64
    name = known.get((wide, tuple(blocks)))
    return f"tu-{name}" if name and plain else None


def _channels(decoder, pattern):
    found = {int(m[1]): shape[0] for name, shape in decoder.shapes.items() if (m := re.fullmatch(pattern, name))}
    return [found[n] for n in sorted(found)]


def _of_unet(decoder):
    channels = _channels(decoder, r"blocks\.(\d+)\.conv1\.0\.weight")
    found = {"decoder_channels": channels, "encoder_depth": len(channels)}
    if any("attention1.attention.cSE" in name for name in decoder.shapes):
        found["decoder_attention_type"] = "scse"
    return found


def _of_plus_plus(decoder):
    channels = _channels(decoder, r"blocks\.x_0_(\d+)\.conv1\.0\.weight")
    return {"decoder_channels": channels, "encoder_depth": len(channels)}


def _of_manet(decoder):
    channels = _channels(decoder, r"blocks\.(\d+)\.conv2\.0\.weight")
    return {"decoder_channels": channels, "encoder_depth": len(channels)}


def _of_fpn(decoder):
    return {
        "decoder_pyramid_channels": decoder.shapes["p5.weight"][0],
        "decoder_segmentation_channels": decoder.shapes["seg_blocks.0.block.0.block.0.weight"][0],
    }


#: network -> (a name only its decoder has, the function for its arguments); the special before the general
_DECODERS: dict[str, tuple[str, Callable[[TensorTable], dict]]] = {
    "UnetPlusPlus": ("blocks.x_0_0.conv1.0.weight", _of_plus_plus),
    "MAnet": ("center.top_conv.weight", _of_manet),
    "Linknet": ("blocks.0.block.0.0.weight", lambda decoder: {}),
    "Unet": ("blocks.0.conv1.0.weight", _of_unet),
    "FPN": ("p5.weight", _of_fpn),
    "UPerNet": (
        "feature_norms.0.weight", lambda decoder: {"decoder_channels": decoder.shapes["psp.blocks.0.1.0.weight"][0]}
    ),
    "PSPNet": (
        "psp.blocks.0.pool.1.0.weight", lambda decoder: {"psp_out_channels": decoder.shapes["conv.0.weight"][0]}
    ),
    "PAN": ("fpa.branch1.1.conv.weight", lambda decoder: {}),
    "DeepLabV3Plus": (
        "aspp.0.convs.0.0.weight", lambda decoder: {"decoder_channels": decoder.shapes["aspp.0.convs.0.0.weight"][0]}
    ),
    "DeepLabV3": (
        "aspp.convs.0.0.weight", lambda decoder: {"decoder_channels": decoder.shapes["aspp.convs.0.0.weight"][0]}
    ),
    "Segformer": (
        "mlp_stage.0.linear.weight",
        lambda decoder: {"decoder_segmentation_channels": decoder.shapes["mlp_stage.0.linear.weight"][0]},
    ),
}  # fmt: skip


def _torchvision(table: TensorTable, given: dict) -> Found | None:
    shapes = table.shapes
    if not any(name.startswith("backbone.") for name in shapes):
        return None
    if "classifier.low_classifier.weight" in shapes:
        head, last = "lraspp", "classifier.low_classifier.weight"
    elif "classifier.0.convs.0.0.weight" in shapes and "classifier.4.weight" in shapes:
        head, last = "deeplabv3", "classifier.4.weight"
    elif "classifier.0.weight" in shapes and "classifier.4.weight" in shapes:
        head, last = "fcn", "classifier.4.weight"
    else:
        return None
    stem, backbone = _backbone(table.below("backbone."))
    if backbone is None:
        return None
    classes = shapes[last][0]
    arguments = {"weights": None, "weights_backbone": None, "num_classes": classes}
    if "aux_classifier.4.weight" in shapes:
        arguments["aux_loss"] = True
    return Found(TORCHVISION, f"{head}_{backbone}", arguments | given, stem, classes, 2, output="out")


def _backbone(part):
    """(input channels, the backbone's name or None)"""
    if "conv1.weight" in part.shapes and "layer1.0.conv3.weight" in part.shapes:
        blocks = len({m[1] for n in part.shapes if (m := re.match(r"layer3\.(\d+)\.", n))})
        return part.shapes["conv1.weight"][1], {6: "resnet50", 23: "resnet101"}.get(blocks)
    stem = part.shapes.get("0.0.weight", (0, 0))
    return (stem[1], "mobilenet_v3_large") if stem[:1] == (16,) and "16.0.weight" in part.shapes else (0, None)
