"""Names and shapes of the tensors of networks from libraries that need not be installed."""

from __future__ import annotations


def resnet(blocks, wide, prefix, stem=3):
    """Names and shapes of a residual encoder (facts of torchvision's resnet.py), written out by its rule."""
    found = {}

    def norm(name, n):
        found.update({f"{prefix}{name}.{w}": (n,) for w in ("weight", "bias", "running_mean", "running_var")})
        found[f"{prefix}{name}.num_batches_tracked"] = ()

    found[f"{prefix}conv1.weight"] = (64, stem, 7, 7)
    norm("bn1", 64)
    before = 64
    for level, count in enumerate(blocks):
        inner, after = 64 * 2**level, 64 * 2**level * (4 if wide else 1)
        for n in range(count):
            at = f"layer{level + 1}.{n}"
            sizes = [(inner, before, 1), (inner, inner, 3), (after, inner, 1)] if wide else [
                (inner, before, 3), (inner, inner, 3)
            ]  # fmt: skip
            for k, (out, into, side) in enumerate(sizes, start=1):
                found[f"{prefix}{at}.conv{k}.weight"] = (out, into, side, side)
                norm(f"{at}.bn{k}", out)
            if n == 0 and (before != after):
                found[f"{prefix}{at}.downsample.0.weight"] = (after, before, 1, 1)
                norm(f"{at}.downsample.1", after)
            before = after
    return found


def unet_decoder(channels, encoder):
    found, before = {}, encoder[-1]
    for n, after in enumerate(channels):
        skip = encoder[-2 - n] if n + 2 <= len(encoder) else 0
        for k, into in ((1, before + skip), (2, after)):
            found[f"decoder.blocks.{n}.conv{k}.0.weight"] = (after, into, 3, 3)
            found[f"decoder.blocks.{n}.conv{k}.1.weight"] = (after,)
        before = after
    return found
