"""Seg-XRes-CAM."""

from __future__ import annotations

from dataclasses import dataclass

from ...protocol.errors import MethodError
from .base import Method, register, sum_of_products


@register
@dataclass(frozen=True)
class SegXResCam(Method):
    """The last window of an axis may be smaller; it pools the real cells only, never padding."""

    window_mm: float = 16.0
    pool: str = "mean"

    name = "seg_xres_cam"
    paper = "Hasany et al., CVPRW 2023"
    local = True
    about = (
        "L(u) = sum_k G_k(u) A_k(u), G = the gradient pooled over windows and repeated inside each window. Hasany, "
        "Petitjean & Meriaudeau, CVPR Workshops 2023, 3733-3738. window_mm: edge of the window in mm (rounded to whole "
        'cells, at least one, at most the grid). pool: "mean" or "max" (of the signed gradient, as published). One '
        'cell gives Seg-HiRes-Grad CAM, the whole grid with "mean" gives Seg-Grad-CAM.'
    )
    bibtex = """@inproceedings{hasany2023segxrescam,
  author = {Hasany, Syed Nouman and Petitjean, Caroline and M{\\'e}riaudeau, Fabrice},
  title = {{Seg-XRes-CAM}: Explaining Spatially Local Regions in Image Segmentation},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition Workshops (CVPRW)},
  pages = {3733--3738}, year = {2023}
}"""

    def __post_init__(self):
        if self.pool not in ("mean", "max"):
            raise MethodError(f"Seg-XRes-CAM pools by 'mean' or 'max', not {self.pool!r}.", "Choose one of the two.")
        if not self.window_mm > 0:
            raise MethodError(f"The window of Seg-XRes-CAM must be longer than 0 mm, got {self.window_mm}.", "Give mm.")

    @property
    def title(self):
        return f"Seg-XRes-CAM ({self.pool}, {self.window_mm:g} mm)"

    def map(self, activation, gradient, cell_mm):
        import torch.nn.functional as F

        cells = activation.shape[1:]
        window = [min(max(1, round(self.window_mm / mm)), n) for mm, n in zip(cell_mm, cells, strict=True)]
        pooled = gradient[None]
        # 3D pooling serves 1D to 3D grids: missing axes have length 1
        lead = 3 - len(cells)
        pooled = pooled.reshape(1, gradient.shape[0], *[1] * lead, *cells)
        kernel = [1] * lead + window
        if self.pool == "mean":
            pooled = F.avg_pool3d(pooled, kernel, ceil_mode=True, count_include_pad=False)
        else:
            pooled = F.max_pool3d(pooled, kernel, ceil_mode=True)
        for axis, size in enumerate(kernel):
            pooled = pooled.repeat_interleave(size, dim=2 + axis)
        crop = tuple(slice(0, n) for n in [1] * lead + list(cells))
        pooled = pooled[(0, slice(None), *crop)].reshape(gradient.shape)
        return sum_of_products(pooled, activation)
