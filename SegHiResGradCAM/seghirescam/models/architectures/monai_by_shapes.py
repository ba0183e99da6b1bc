"""MONAI's networks by the names and shapes of their tensors: the arguments of their constructors.

Each function takes a :class:`TensorTable` and gives (arguments, assumed) pairs, the likeliest first: none where it is
another network.  What leaves no trace in weights (strides, an activation without parameters, the number of heads of an
attention) is MONAI's default or its documentation's example, and is said in ``assumed``.  Read from MONAI 1.6's sources
(monai/networks/nets); :mod:`monai_check` asks MONAI itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ..weights.tensor_table import TensorTable

Guess = tuple[dict, dict[str, str]]
Guesses = Iterator[Guess]

_STRIDES = "weights do not tell strides; 2 is usual. Compare with the training's code"
_ACT = "an activation without weights leaves no trace. Compare with the training's code"
_NORM = "weights do not tell which normalisation this is. Compare with the training's code"


def guesses(table: TensorTable) -> Iterator[tuple[str, dict, dict[str, str]]]:
    """(network, arguments, assumed) of all that may fit, to be checked."""
    for name, guess in _GUESS.items():
        try:
            for arguments, assumed in guess(table):
                yield name, arguments, assumed
        except (KeyError, IndexError, ValueError, TypeError, ZeroDivisionError):
            continue  # some of the names, and not the rest: another network


def _count(table: TensorTable, pattern: str) -> int:
    """How many different numbers stand in the group of a pattern."""
    found = (re.match(pattern, name) for name in table.shapes)
    return len({match[1] for match in found if match})


def _first(table: TensorTable, *names: str) -> str:
    """The first of the names that is there. Raises KeyError."""
    for name in names:
        if name in table.shapes:
            return name
    raise KeyError(names)


def _norm(table: TensorTable, stem: str, plain: object = "INSTANCE") -> list[tuple[object, bool]]:
    """[(MONAI's words for the normalisation, whether assumed)]; stem: name of one. plain: of one without weights."""
    if f"{stem}.running_mean" in table.shapes:
        return [("BATCH", False)]
    if f"{stem}.weight" in table.shapes:
        return [(["INSTANCE", {"affine": True}], True)]
    return [(plain, True)]


def _plain(values):
    """One number where all are the same."""
    values = list(values)
    return values[0] if len(set(map(str, values))) == 1 else values


def _unet(t: TensorTable) -> Guesses:
    level, channels, strides, sure, units = "model.", [], [], True, 0
    first = None
    while True:
        down = next((f"{level}0.{c}" for c in ("conv.unit0.", "") if f"{level}0.{c}conv.weight" in t.shapes), None)
        if down is None:
            bottom = _first(t, f"{level}conv.unit0.conv.weight", f"{level}conv.weight")
            channels.append(t.shapes[bottom][0])
            break
        shape = t.shapes[f"{down}conv.weight"]
        first = first or (down, shape)
        channels.append(shape[0])
        units = max(units, _count(t, re.escape(f"{level}0.conv.unit") + r"(\d+)\."))
        residual = t.shapes.get(f"{level}0.residual.weight")
        if units and max(shape[2:]) > 1 and (residual is None or max(residual[2:]) == 1):
            strides.append(1)  # MONAI's residual unit: a 1 x 1 shortcut, or none, only where nothing is halved
        else:
            strides.append(2)
            sure = False
        level += "1.submodule."
    down, shape = first
    up = _first(t, "model.2.0.conv.weight", "model.2.conv.weight")
    arguments = {
        "spatial_dims": len(shape) - 2, "in_channels": shape[1], "out_channels": t.shapes[up][1],
        "channels": channels, "strides": strides, "kernel_size": _plain(shape[2:]),
        "up_kernel_size": _plain(t.shapes[up][2:]), "num_res_units": units,
    }  # fmt: skip
    assumed = {} if sure else {"strides": _STRIDES}
    if f"{down}conv.bias" not in t.shapes:
        arguments["bias"] = False
    (norm, guessed), *_ = _norm(t, f"{down}adn.N")
    arguments["norm"] = norm
    if guessed:
        none = (
            "no normalisation here has weights: MONAI's default, INSTANCE, has none. Compare with the training's code"
        )
        assumed["norm"] = none if norm == "INSTANCE" else _NORM
    prelu = t.shapes.get(f"{down}adn.A.weight")
    arguments["act"] = (
        "RELU" if prelu is None else "PRELU" if prelu == (1,) else ["PRELU", {"num_parameters": prelu[0]}]
    )
    if prelu is None:
        assumed["act"] = _ACT
    yield arguments, assumed


def _attention_unet(t: TensorTable) -> Guesses:
    shape, level, channels = t.shapes["model.0.conv.0.conv.weight"], "model.1.", []
    channels.append(shape[0])
    up = t.shapes["model.1.upconv.up.conv.weight"]
    while f"{level}submodule.0.conv.0.conv.weight" in t.shapes:
        channels.append(t.shapes[f"{level}submodule.0.conv.0.conv.weight"][0])
        level += "submodule.1."
    if f"{level}submodule.conv.0.conv.weight" in t.shapes:
        channels.append(t.shapes[f"{level}submodule.conv.0.conv.weight"][0])
    arguments = {
        "spatial_dims": len(shape) - 2, "in_channels": shape[1], "out_channels": t.shapes["model.2.conv.weight"][0],
        "channels": channels, "strides": [2] * (len(channels) - 1), "kernel_size": _plain(shape[2:]),
        "up_kernel_size": _plain(up[2:]),
    }  # fmt: skip
    yield arguments, {"strides": _STRIDES}


def _basic_unet(t: TensorTable) -> Guesses:
    shape = t.shapes["conv_0.conv_0.conv.weight"]
    features = [shape[0], *(t.shapes[f"down_{n}.convs.conv_1.conv.weight"][0] for n in (1, 2, 3, 4))]
    features.append(t.shapes["upcat_1.convs.conv_1.conv.weight"][0])
    arguments = {
        "spatial_dims": len(shape) - 2, "in_channels": shape[1], "out_channels": t.shapes["final_conv.weight"][0],
        "features": features,
    }  # fmt: skip
    yield from _of_basic(t, arguments, "upcat_4.upsample.deconv.weight")


def _basic_unet_plus_plus(t: TensorTable) -> Guesses:
    shape = t.shapes["conv_0_0.conv_0.conv.weight"]
    features = [shape[0], *(t.shapes[f"conv_{n}_0.convs.conv_1.conv.weight"][0] for n in (1, 2, 3, 4))]
    features.append(t.shapes["upcat_0_4.convs.conv_1.conv.weight"][0])
    arguments = {
        "spatial_dims": len(shape) - 2, "in_channels": shape[1],
        "out_channels": t.shapes["final_conv_0_4.weight"][0], "features": features,
    }  # fmt: skip
    told = "True where the training took all four outputs; only the last is explained then"
    for more, assumed in _of_basic(t, arguments, "upcat_0_1.upsample.deconv.weight"):
        yield {**more, "deep_supervision": False}, {**assumed, "deep_supervision": told}


def _of_basic(t, arguments, deconv):
    first = _first(t, "conv_0.conv_0.conv.weight", "conv_0_0.conv_0.conv.weight").removesuffix("conv.weight")
    assumed = {"act": f"MONAI's default; {_ACT}"}
    arguments["act"] = ["LeakyReLU", {"negative_slope": 0.1, "inplace": True}]
    if f"{first}adn.A.weight" in t.shapes:
        arguments["act"], assumed = "PRELU", {}
    for norm, guessed in _norm(t, f"{first}adn.N"):
        told = {**assumed, "norm": _NORM} if guessed else assumed
        for mode in ("deconv",) if deconv in t.shapes else ("nontrainable", "pixelshuffle"):
            yield {**arguments, "norm": norm, "upsample": mode}, told


def _vnet(t: TensorTable) -> Guesses:
    shape = t.shapes["in_tr.conv_block.conv.weight"]
    arguments = {
        "spatial_dims": len(shape) - 2, "in_channels": shape[1], "out_channels": t.shapes["out_tr.conv2.weight"][0],
        "bias": "in_tr.conv_block.conv.bias" in t.shapes, "act": ["elu", {"inplace": True}],
    }  # fmt: skip
    yield arguments, {"act": f"MONAI's default; {_ACT}"}


def _dynunet(t: TensorTable) -> Guesses:
    shape = t.shapes["input_block.conv1.conv.weight"]
    downs = _count(t, r"downsamples\.(\d+)\.conv1\.conv\.weight")
    blocks = ["input_block", *(f"downsamples.{n}" for n in range(downs)), "bottleneck"]
    shapes = [t.shapes[f"{block}.conv1.conv.weight"] for block in blocks]
    ups = [t.shapes[f"upsamples.{downs - n}.transp_conv.conv.weight"] for n in range(downs + 1)]
    steps = [_plain(up[2:]) for up in ups]
    heads = _count(t, r"deep_supervision_heads\.(\d+)\.")
    arguments = {
        "spatial_dims": len(shape) - 2, "in_channels": shape[1],
        "out_channels": t.shapes["output_block.conv.conv.weight"][0],
        "kernel_size": [_plain(s[2:]) for s in shapes], "strides": [1, *steps], "upsample_kernel_size": steps,
        "filters": [s[0] for s in shapes], "res_block": "bottleneck.conv3.conv.weight" in t.shapes,
        "trans_bias": "upsamples.0.transp_conv.conv.bias" in t.shapes,
    }  # fmt: skip
    if heads:
        arguments |= {"deep_supervision": True, "deep_supr_num": heads}
    told = "taken from the upsampling's kernels (exact where the two agree, as MONAI asks for); the first one is 1"
    assumed = {"strides": told, "act_name": f"MONAI's default; {_ACT}"}
    arguments["act_name"] = ["leakyrelu", {"inplace": True, "negative_slope": 0.01}]
    (norm, guessed), *_ = _norm(t, "input_block.norm1")
    arguments["norm_name"] = norm
    yield arguments, {**assumed, "norm_name": _NORM} if guessed else assumed


def _segresnet(t: TensorTable) -> Guesses:
    shape = t.shapes["convInit.conv.weight"]
    down = _levels(t, r"down_layers\.(\d+)\.(\d+)\.conv1\.conv\.weight")
    up = _levels(t, r"up_layers\.(\d+)\.(\d+)\.conv1\.conv\.weight")
    arguments = {
        "spatial_dims": len(shape) - 2, "init_filters": shape[0], "in_channels": shape[1],
        "blocks_down": down, "blocks_up": up,
    }  # fmt: skip
    final = t.shapes.get("conv_final.2.conv.weight")
    arguments["out_channels"] = final[0] if final else 2
    assumed = {"act": f"MONAI's default; {_ACT}"}
    if not final:
        arguments["use_conv_final"] = False
    stem = "down_layers.0.1.norm1"
    if f"{stem}.running_mean" in t.shapes:
        arguments["norm"] = "BATCH"
    elif f"{stem}.weight" in t.shapes:
        arguments["norm"] = ["GROUP", {"num_groups": 8}]
        assumed["norm"] = f"MONAI's default, in 8 groups; {_NORM}"
    else:
        arguments["norm"], assumed["norm"] = "INSTANCE", _NORM
    arguments["act"] = ["RELU", {"inplace": True}]
    for mode in ("nontrainable", "deconv", "pixelshuffle"):
        yield {**arguments, "upsample_mode": mode}, assumed


def _segresnet_ds(t: TensorTable) -> Guesses:
    shape = t.shapes["encoder.conv_init.weight"]
    down = _levels(t, r"encoder\.layers\.(\d+)\.blocks\.(\d+)\.conv1\.weight")
    up = _levels(t, r"up_layers\.(\d+)\.blocks\.(\d+)\.conv1\.weight")
    heads = sorted(name for name in t.shapes if re.fullmatch(r"up_layers\.\d+\.head\.weight", name))
    arguments = {
        "spatial_dims": len(shape) - 2, "init_filters": shape[0], "in_channels": shape[1],
        "out_channels": t.shapes[heads[-1]][0], "blocks_down": down, "blocks_up": up, "dsdepth": len(heads),
    }  # fmt: skip
    (norm, guessed), *_ = _norm(t, "encoder.layers.0.blocks.0.norm1")
    arguments |= {"norm": norm, "act": "relu"}
    assumed = {"act": f"MONAI's default; {_ACT}"} | ({"norm": _NORM} if guessed else {})
    for mode in ("deconv", "nontrainable", "pixelshuffle"):
        yield {**arguments, "upsample_mode": mode}, assumed


def _levels(t, pattern):
    """How many blocks each level has. Raises ValueError where a level is missing."""
    found: dict[int, int] = {}
    for match in filter(None, (re.fullmatch(pattern, name) for name in t.shapes)):
        found[int(match[1])] = found.get(int(match[1]), 0) + 1
    if sorted(found) != list(range(len(found))) or not found:
        raise ValueError
    return [found[level] for level in sorted(found)]


def _unetr(t: TensorTable) -> Guesses:
    conv = t.shapes.get("vit.patch_embedding.patch_embeddings.weight")
    dims = len(t.shapes["out.conv.conv.weight"]) - 2
    linear = t.shapes.get("vit.patch_embedding.patch_embeddings.1.weight")
    hidden = (conv or linear)[0]
    patches = t.shapes["vit.patch_embedding.position_embeddings"][1]
    side = round(patches ** (1 / dims))
    assumed = {"num_heads": "weights do not tell the heads of an attention; 12 is MONAI's default"}
    assumed["img_size"] = (
        f"its product is told ({patches} patches of 16 voxels), its sides are not; a cube was taken"
        if side**dims == patches
        else f"its sides are not told; they are multiples of 16 with {patches} patches of 16 voxels in all"
    )
    size = [16 * side] * dims if side**dims == patches else [16 * patches, *[16] * (dims - 1)]
    arguments = {
        "spatial_dims": dims, "in_channels": conv[1] if conv else linear[1] // 16**dims,
        "out_channels": t.shapes["out.conv.conv.weight"][0], "img_size": size,
        "feature_size": t.shapes["out.conv.conv.weight"][1], "hidden_size": hidden,
        "mlp_dim": t.shapes["vit.blocks.0.mlp.linear1.weight"][0],
        "num_heads": 12 if hidden % 12 == 0 else 2 if hidden % 2 == 0 else 1,
        "proj_type": "conv" if conv else "perceptron", "qkv_bias": "vit.blocks.0.attn.qkv.bias" in t.shapes,
        "res_block": "encoder1.layer.conv3.conv.weight" in t.shapes, "norm_name": "instance",
    }  # fmt: skip
    assumed["norm_name"] = _NORM
    for block in (True, False):
        yield {**arguments, "conv_block": block}, assumed


def _swin_unetr(t: TensorTable) -> Guesses:
    shape = t.shapes["swinViT.patch_embed.proj.weight"]
    dims = len(shape) - 2
    layers = [f"swinViT.layers{n}.0.blocks." for n in (1, 2, 3, 4)]
    tables = [t.shapes[f"{layer}0.attn.relative_position_bias_table"] for layer in layers]
    side = round(tables[0][0] ** (1 / dims))
    if side**dims != tables[0][0] or side % 2 == 0:
        raise ValueError
    mlp = t.shapes[f"{layers[0]}0.mlp.linear1.weight"]
    arguments = {
        "spatial_dims": dims, "in_channels": shape[1], "out_channels": t.shapes["out.conv.conv.weight"][0],
        "feature_size": shape[0], "patch_size": shape[2], "window_size": (side + 1) // 2,
        "depths": [_count(t, re.escape(layer) + r"(\d+)\.") for layer in layers],
        "num_heads": [table[1] for table in tables], "mlp_ratio": mlp[0] / mlp[1],
        "qkv_bias": f"{layers[0]}0.attn.qkv.bias" in t.shapes, "norm_name": "instance",
        "use_v2": any(name.startswith("swinViT.layers1c.") for name in t.shapes), "downsample": "merging",
    }  # fmt: skip
    told = "MONAI's default; \"mergingv2\" has the same weights. Compare with the training's code"
    assumed = {"norm_name": _NORM, "downsample": told}
    yield arguments, assumed


_GUESS: dict[str, Callable[[TensorTable], Guesses]] = {
    "UNet": _unet, "AttentionUnet": _attention_unet, "BasicUNet": _basic_unet,
    "BasicUNetPlusPlus": _basic_unet_plus_plus, "VNet": _vnet, "DynUNet": _dynunet, "SegResNet": _segresnet,
    "SegResNetDS": _segresnet_ds, "UNETR": _unetr, "SwinUNETR": _swin_unetr,
}  # fmt: skip
