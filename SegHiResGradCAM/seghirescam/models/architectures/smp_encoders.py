"""Encoders of segmentation_models_pytorch by a digest of their tensors' names and first sizes.

Facts recorded from version 0.6 (all its encoders but those of timm, "tu-...", which are too many); the digest leaves
out what the number of input channels changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from ..weights.prefixes import COUNTER


def digest(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Of an encoder's tensors, name -> shape."""
    lines = sorted(f"{name} {shape[0]}" for name, shape in shapes.items() if shape and not name.endswith(COUNTER))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


ENCODERS = {
    "f4050bc5ac3d": "resnet18", "f40231f2f328": "resnet34", "1a3cb194c279": "resnet50", "e7b9871ea85d": "resnet101",
    "2b7ceb298bee": "resnet152", "14011e049b7c": "resnext50_32x4d", "84b562c234aa": "resnext101_32x4d",
    "117e0eddc858": "resnext101_32x8d", "eae17e6ee2e1": "resnext101_32x16d", "3e300eb6d8c8": "resnext101_32x32d",
    "840d09703bcb": "resnext101_32x48d", "9d4d3526e350": "dpn68", "44c0f10daf68": "dpn68b", "79933045eea5": "dpn92",
    "626a70558c05": "dpn98", "8f116e129b41": "dpn107", "22f799e5400f": "dpn131", "f61b4df3ad1b": "vgg11",
    "7bb7188b1eb7": "vgg11_bn", "78178937e341": "vgg13", "df1b5b210924": "vgg13_bn", "f6551dbc4384": "vgg16",
    "adb13aa8e168": "vgg16_bn", "b97fa3c07fec": "vgg19", "1ed2c3163f85": "vgg19_bn", "6092b34ab15e": "senet154",
    "81c141068608": "se_resnet50", "cfe6b7604fe5": "se_resnet101", "5ebdc4f7694c": "se_resnet152",
    "0be20ba6d9d4": "se_resnext50_32x4d", "48acd3b99775": "se_resnext101_32x4d", "8c35c9d65d61": "densenet121",
    "e096263e7d8b": "densenet169", "58f21c5621a7": "densenet201", "733cfd5691a9": "densenet161",
    "c69d650b0ce5": "inceptionresnetv2", "c632e1ec0eab": "inceptionv4", "aab34d2f1be6": "efficientnet-b0",
    "debf5755fd90": "efficientnet-b1", "6d449f92c09c": "efficientnet-b2", "3806098d1ab6": "efficientnet-b3",
    "9084bf762234": "efficientnet-b4", "e498b1c9e764": "efficientnet-b5", "e1be8c704cef": "efficientnet-b6",
    "ebec3e83d9a1": "efficientnet-b7", "7ac5e340d7d3": "mobilenet_v2", "5152b7c35155": "xception",
    "40fa7e2cc70d": "timm-efficientnet-b0", "14a43e916e4a": "timm-efficientnet-b1",
    "d00ab3e228bc": "timm-efficientnet-b2", "1efc8bfc69ad": "timm-efficientnet-b3",
    "202a09b81f9a": "timm-efficientnet-b4", "53055e867351": "timm-efficientnet-b5",
    "a6999d421210": "timm-efficientnet-b6", "851547693e73": "timm-efficientnet-b7",
    "a932a1d44b0d": "timm-efficientnet-b8", "f662f18e6753": "timm-efficientnet-l2",
    "338922d32500": "timm-tf_efficientnet_lite0", "a1ce1c3df69c": "timm-tf_efficientnet_lite1",
    "93b4db715b11": "timm-tf_efficientnet_lite2", "0107ef9f2645": "timm-tf_efficientnet_lite3",
    "d0bed71673eb": "timm-tf_efficientnet_lite4", "d7d6c720010d": "timm-skresnet18",
    "0180597df065": "timm-skresnet34", "e1d7a8d58438": "timm-skresnext50_32x4d", "534100d6b22d": "mit_b0",
    "33ccf995471a": "mit_b1", "e881c5a39c7a": "mit_b2", "3bff5b1b771d": "mit_b3", "6623970a5010": "mit_b4",
    "de5e6c7ee92e": "mit_b5", "835f5861402b": "mobileone_s0", "16880d5f8bfe": "mobileone_s1",
    "0161b53d8da1": "mobileone_s2", "aef14dc33ac6": "mobileone_s3", "d9c4909d1d5a": "mobileone_s4",
}  # fmt: skip
