"""What is measured: one row a contestant, method, target layer and precision."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

HIRES, GRADCAM, FORWARD = "HiRes", "Grad-CAM", "forward"


@dataclass(frozen=True)
class Row:
    """peer: module in ``peers/``.  environment: key of ``environments.PEERS``.  timed: False = one agreement check."""

    title: str
    peer: str
    environment: str
    method: str
    target: str
    precision: str = "fp32"
    in_place: bool = True
    timed: bool = True

    @property
    def key(self) -> str:
        """Name in the work file."""
        parts = [self.peer, self.method, self.target, self.precision, "" if self.in_place else "out-of-place"]
        return "|".join(p for p in parts if p)

    def out_of_place(self) -> Row:
        """The same on a copy of the network whose activations are not in place: the benefit of the doubt."""
        return replace(self, title=f"{self.title}, network made out-of-place", in_place=False)

    def to_json(self) -> dict:
        return asdict(self)


FLOOR = Row("plain forward, no_grad", "forward", "base", FORWARD, "-")

_PEERS = [
    ("Captum LayerGradCam", "captum", "captum", GRADCAM),
    ("Captum LayerGradientXActivation", "captum", "captum", HIRES),
    ("MONAI GradCAM", "monai", "base", GRADCAM),
    ("pytorch-grad-cam HiResCAM", "pytorch_grad_cam", "pytorch-grad-cam", HIRES),
    ("pytorch-grad-cam GradCAM", "pytorch_grad_cam", "pytorch-grad-cam", GRADCAM),
    ("torchcam GradCAM", "torchcam", "torchcam", GRADCAM),
    ("medcam Grad-CAM", "medcam", "medcam", GRADCAM),
]
SINGLE = ("bottleneck", "late decoder")
BEFORE_IN_PLACE = "norm in front of an in-place activation"


def _ours(method, target, precision="fp32", timed=True):
    title = "**seghirescam** Seg-HiRes-Grad-CAM" if method == HIRES else "**seghirescam** Seg-Grad-CAM"
    if precision != "fp32":
        title += f", {precision} autocast"
    return Row(title, "seghirescam", "seghirescam", method, target, precision, timed=timed)


def all_rows() -> list[Row]:
    """Every row, in the order of the table."""
    rows = [FLOOR, replace(FLOOR, title=FLOOR.title + ", bf16 autocast", precision="bf16")]
    for target in SINGLE:
        rows += [_ours(HIRES, target), _ours(GRADCAM, target)]
        rows += [Row(*peer, target) for peer in _PEERS]
    rows += [_ours(HIRES, "bottleneck + decoder"), _ours(HIRES, "bottleneck + decoder + encoder")]
    rows += [_ours(HIRES, target, "bf16") for target in (*SINGLE, "bottleneck + decoder")]
    rows += [_ours(method, BEFORE_IN_PLACE, timed=False) for method in (HIRES, GRADCAM)]
    rows += [Row(*peer, BEFORE_IN_PLACE, timed=False) for peer in _PEERS]
    return rows


def layers_of(target: str) -> tuple[str, ...]:
    """Module names of a row's target."""
    from case import BEFORE_IN_PLACE as NORM
    from case import BOTTLENECK, DECODER, ENCODER, LATE

    return {
        "-": (),
        "bottleneck": (BOTTLENECK,),
        "late decoder": (LATE,),
        "bottleneck + decoder": (BOTTLENECK, *DECODER),
        "bottleneck + decoder + encoder": (*ENCODER, BOTTLENECK, *DECODER),
        BEFORE_IN_PLACE: (NORM,),
    }[target]
