"""What was found about a network, and what of it had to be assumed."""

from __future__ import annotations

from dataclasses import dataclass, field

MONAI, SMP, TORCHVISION = "MONAI", "segmentation_models_pytorch", "torchvision"


@dataclass(frozen=True)
class Found:
    """library: one of the three words above.  network: the name of its class or function.  arguments: of that.

    assumed: argument -> why it cannot be told from weights, and how to check it.  prefix: in front of the names in the
    file.  verified: whether the library's own class, built with these arguments, has exactly these names and shapes;
    None where it could not be asked.  output: where the logits are among several outputs.
    """

    library: str
    network: str
    arguments: dict
    in_channels: int
    out_channels: int
    spatial_dims: int
    assumed: dict[str, str] = field(default_factory=dict)
    prefix: str = ""
    verified: bool | None = None
    output: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Convolutions:
    """What the convolutions of a network nobody knows tell.  None: not to be told; why: in words, for the comment.

    in_channels, out_channels and the tensors they were read from.
    """

    spatial_dims: int
    in_channels: int | None
    out_channels: int | None
    first: str = ""
    last: str = ""
    sure: bool = True
