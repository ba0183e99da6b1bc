"""Tiny real folders of Hugging Face's transformers, written by the library itself: random weights, clear decisions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from seghirescam import Grid, Image

LABELS = {0: "background", 1: "lesion", 2: "vessel", 3: "bone"}
SEMANTIC = ("segformer", "upernet", "beit", "dpt", "mobilevit")
QUERIES = ("maskformer", "mask2former", "oneformer")
_SWIN = {
    "embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2], "window_size": 4,
    "out_features": ["stage1", "stage2", "stage3", "stage4"],
}  # fmt: skip
_QUERIES = {
    "feature_size": 32, "mask_feature_size": 32, "hidden_dim": 32, "num_queries": 6, "num_attention_heads": 2,
    "encoder_layers": 1, "decoder_layers": 2, "encoder_feedforward_dim": 16, "dim_feedforward": 16,
}  # fmt: skip


def folder(kind: str, path: Path, size: int = 64, **processing) -> Path:
    """A folder as ``save_pretrained`` leaves it. size: to which its processor resizes pictures."""
    import torch
    import transformers

    labels = {"id2label": LABELS, "label2id": {name: n for n, name in LABELS.items()}}
    torch.manual_seed(7)
    network = _network(kind, size, labels, transformers)
    words = {"size": {"height": size, "width": size}, "image_mean": [0.4, 0.5, 0.6], "image_std": [0.3, 0.2, 0.25]}
    name = {
        "upernet": "Segformer", "beit": "Beit", "dpt": "DPT", "mobilevit": "MobileViT", "maskformer": "MaskFormer",
        "mask2former": "Mask2Former", "oneformer": "OneFormer", "segformer": "Segformer",
    }[kind]  # fmt: skip
    processor = getattr(transformers, f"{name}ImageProcessorPil")(**(words | {"do_center_crop": False} | processing))
    processor.save_pretrained(path)
    seen = processor(images=_pil(photo()), return_tensors="pt")["pixel_values"]
    words = {"task_inputs": _task(path)} if kind == "oneformer" else {}
    _decided(network.eval(), kind, seen, words)
    network.save_pretrained(path)
    return Path(path)


def _pil(image):
    import PIL.Image

    return PIL.Image.fromarray(np.moveaxis(image.array[:, 0], 0, -1))


def _decided(network, kind, picture, words):
    """An untrained network's classes are all but tied everywhere: larger weights, and what decides is spread."""
    import torch

    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
                torch.nn.init.kaiming_normal_(module.weight)
            elif isinstance(module, torch.nn.Embedding):  # queries that differ
                torch.nn.init.normal_(module.weight)
        if kind not in QUERIES:
            last = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d) and m.out_channels == len(LABELS)]
            _spread(last[-1], network(picture).logits.transpose(0, 1).flatten(1))
            return
        named = dict(network.named_modules())
        linear = {name: module for name, module in named.items() if isinstance(module, torch.nn.Linear)}
        classes = [m for m in linear.values() if m.out_features == len(LABELS) + 1][-1]
        queries = [module for name, module in linear.items() if "mask_embed" in name][-1]
        pixels = next(module for name, module in named.items() if name.endswith("mask_projection"))
        _spread(queries, _outputs(network, queries, picture, words)[-1].flatten(0, -2).T)
        # masks about zero, so that they cover some of the picture
        pixels.bias.sub_(_outputs(network, pixels, picture, words)[-1].mean(dim=(0, 2, 3)))
        scale = 4 / network(picture, **words).masks_queries_logits.std(dim=(2, 3)).mean()
        pixels.weight.mul_(scale)
        pixels.bias.mul_(scale)
        # last: what a query looks at depends on the masks
        _spread(classes, network(picture, **words).class_queries_logits.flatten(0, 1).T)


def _outputs(network, module, picture, words):
    """What a module returns in one pass, call by call."""
    found = []
    handle = module.register_forward_hook(lambda _, inputs, output: found.append(output))
    network(picture, **words)
    handle.remove()
    return found


def _spread(layer, values):
    """values: ``[outputs, anything]`` of the layer, which become about normal, with 3 as their deviation."""
    scale = 3 / values.std(dim=1)
    layer.weight.mul_(scale.reshape(-1, *[1] * (layer.weight.ndim - 1)))
    if layer.bias is not None:
        layer.bias.sub_(values.mean(dim=1)).mul_(scale)


def _network(kind, size, labels, transformers):
    if kind == "segformer":
        config = transformers.SegformerConfig(
            num_encoder_blocks=4, depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 16], num_attention_heads=[1, 1, 2, 2],
            decoder_hidden_size=16, **labels,
        )  # fmt: skip
        return transformers.SegformerForSemanticSegmentation(config)
    if kind == "upernet":
        backbone = transformers.ConvNextConfig(
            depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 16], out_features=["stage1", "stage2", "stage3", "stage4"]
        )
        config = transformers.UperNetConfig(
            backbone_config=backbone, hidden_size=16, auxiliary_in_channels=16, auxiliary_channels=8,
            use_auxiliary_head=False, **labels,
        )  # fmt: skip
        return transformers.UperNetForSemanticSegmentation(config)
    if kind == "beit":
        config = transformers.BeitConfig(
            image_size=size, patch_size=16, hidden_size=16, num_hidden_layers=4, num_attention_heads=2,
            intermediate_size=32, out_indices=[1, 2, 3, 4], pool_scales=[1, 2], use_auxiliary_head=False,
            use_relative_position_bias=True, **labels,
        )  # fmt: skip
        return transformers.BeitForSemanticSegmentation(config)
    if kind == "dpt":
        config = transformers.DPTConfig(
            image_size=size, patch_size=16, hidden_size=16, num_hidden_layers=4, num_attention_heads=2,
            intermediate_size=32, backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 16, 16],
            fusion_hidden_size=16, use_auxiliary_head=False, **labels,
        )  # fmt: skip
        return transformers.DPTForSemanticSegmentation(config)
    if kind == "mobilevit":
        config = transformers.MobileViTConfig(
            image_size=size, hidden_sizes=[16, 24, 32], neck_hidden_sizes=[8, 16, 24, 32, 32, 40, 48],
            num_attention_heads=2, aspp_out_channels=16, atrous_rates=[2, 4, 6], **labels,
        )  # fmt: skip
        return transformers.MobileViTForSemanticSegmentation(config)
    swin = transformers.SwinConfig(image_size=size, **_SWIN)
    if kind == "mask2former":
        words = {name: value for name, value in _QUERIES.items() if name != "encoder_layers"}
        config = transformers.Mask2FormerConfig(backbone_config=swin, encoder_layers=1, **words, **labels)
        return transformers.Mask2FormerForUniversalSegmentation(config)
    if kind == "maskformer":
        decoder = transformers.DetrConfig(
            d_model=32, decoder_layers=2, encoder_layers=1, decoder_attention_heads=2, encoder_attention_heads=2,
            decoder_ffn_dim=16, encoder_ffn_dim=16, num_queries=6,
        )  # fmt: skip
        config = transformers.MaskFormerConfig(
            fpn_feature_size=32, mask_feature_size=32, backbone_config=swin, decoder_config=decoder, **labels
        )
        return transformers.MaskFormerForInstanceSegmentation(config)
    config = transformers.OneFormerConfig(
        backbone_config=swin, num_queries=7, text_encoder_width=32, text_encoder_num_layers=1, text_encoder_n_ctx=2,
        text_encoder_context_length=16, text_encoder_vocab_size=100, conv_dim=32, mask_dim=32, hidden_dim=32,
        encoder_feedforward_dim=16, encoder_layers=1, decoder_layers=3, num_attention_heads=2, dim_feedforward=16,
        query_dec_layers=1, task_seq_len=16, max_seq_len=16, **labels,
    )  # fmt: skip
    return transformers.OneFormerForUniversalSegmentation(config)


def _task(path):
    """Token ids of the task, by a tokenizer of few words (CLIP's, with letters) that is saved in the folder."""
    import torch
    import transformers

    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    words = [*letters, *(f"{c}</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    (path / "vocab.json").write_text(json.dumps({word: n for n, word in enumerate(words)}), encoding="utf-8")
    (path / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    tokenizer = transformers.CLIPTokenizer(str(path / "vocab.json"), str(path / "merges.txt"))
    tokenizer.save_pretrained(path)
    found = tokenizer("the task is semantic", padding="max_length", max_length=16, truncation=True)
    return (torch.tensor(found["attention_mask"]) * torch.tensor(found["input_ids"]))[None]


def photo(shape=(57, 80), seed=0) -> Image:
    """Coloured blobs on noise, uint8 red, green, blue."""
    rng = np.random.default_rng(seed)
    j, i = np.mgrid[: shape[0], : shape[1]]
    array = rng.integers(0, 60, (3, *shape)).astype(float)
    for channel, (y, x, radius) in enumerate(((0.3, 0.3, 0.22), (0.6, 0.7, 0.25), (0.75, 0.25, 0.18))):
        inside = np.hypot(j / shape[0] - y, i / shape[1] - x) < radius
        array[channel] += 180 * inside
    return Image(array.clip(0, 255).astype(np.uint8)[:, None], Grid.of_photo((1, *shape)))


def librarys_labels(path: Path, image: Image) -> np.ndarray:
    """What transformers itself says, by its own processor and post-processing: ``[J, I]``."""
    import torch
    import transformers

    picture = _pil(image)
    config = transformers.AutoConfig.from_pretrained(path)
    network = getattr(transformers, config.architectures[0]).from_pretrained(path).eval()
    if config.model_type == "oneformer":
        tools = transformers.AutoImageProcessor.from_pretrained(path, backend="pil", class_info_file=None)
        tokenizer = transformers.AutoTokenizer.from_pretrained(path)
        both = transformers.OneFormerProcessor(tools, tokenizer, max_seq_length=16, task_seq_length=16)
        words = both(images=picture, task_inputs=["semantic"], return_tensors="pt")
    else:
        tools = transformers.AutoImageProcessor.from_pretrained(path, backend="pil")
        words = tools(images=picture, return_tensors="pt")
    with torch.no_grad():
        out = network(**words)
    return tools.post_process_semantic_segmentation(out, target_sizes=[image.array.shape[2:]])[0].numpy()
