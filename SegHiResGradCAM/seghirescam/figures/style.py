"""What all figures share: paper and ink, planes and their letters, outlines, scale bars, colours, clean files.

matplotlib without pyplot: no global state, no display, and files without a date, a program's name or a person's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..protocol.display.colours import FIGURE_INFERNO_CUT, FIGURE_SIGNED
from ..protocol.errors import DependencyError

SUFFIXES = (".png", ".pdf", ".svg")
_CLEAN = {
    ".png": {"Software": None},
    ".pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    ".svg": {"Creator": None, "Date": None, "Type": None, "Format": None},
}
#: name, axis across the slices, axis to the right, axis upwards (0 = K to S, 1 = J to A, 2 = I to R), edges' letters
PLANES = (
    ("Axial", 0, 2, 1, "RLAP"),
    ("Coronal", 1, 2, 0, "RLSI"),
    ("Sagittal", 2, 1, 0, "APSI"),
)
#: the axis of the patient along K, J, I of a canonical grid
LETTER = "SAR"


@dataclass(frozen=True)
class Theme:
    """Colours around the images, which are dark in both."""

    paper: str
    ink: str
    faint: str


LIGHT = Theme("#ffffff", "#16181d", "#62666e")
DARK = Theme("#16181d", "#e8e8ea", "#a2a6ae")
OUTLINE, ON_IMAGE = "#4fe3f0", "#ffffff"


def new_figure(size, theme: Theme):
    """An empty Figure of (width, height) inches. Raises DependencyError."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise DependencyError(
            "matplotlib, which draws figures, is not installed.", "Run: python -m pip install matplotlib"
        ) from error
    figure = Figure(figsize=size, facecolor=theme.paper)
    FigureCanvasAgg(figure)
    return figure


def save(figure, path, dpi: int = 150) -> None:
    """As PNG, PDF or SVG, without metadata."""
    suffix = next(s for s in SUFFIXES if str(path).lower().endswith(s))
    figure.savefig(path, dpi=dpi, facecolor=figure.get_facecolor(), metadata=_CLEAN[suffix])


def save_pages(figures, path, dpi: int = 150) -> None:
    """One PDF of several figures, without metadata."""
    from matplotlib.backends.backend_pdf import PdfPages

    with PdfPages(path, metadata=_CLEAN[".pdf"]) as pdf:
        for figure in figures:
            pdf.savefig(figure, dpi=dpi, facecolor=figure.get_facecolor())


def colours(signed: bool = False):
    """The colour map of positive, or of signed evidence."""
    import matplotlib
    from matplotlib.colors import LinearSegmentedColormap, ListedColormap

    if signed:
        return LinearSegmentedColormap.from_list("signed", [(at, colour) for at, *colour in FIGURE_SIGNED])
    return ListedColormap(matplotlib.colormaps["inferno"](np.linspace(FIGURE_INFERNO_CUT, 1, 256)))


def bare(axis) -> None:
    """No ticks, no frame."""
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)


def draw_letters(axis, letters: str, fontsize: float = 8) -> None:
    """R, L, A, P, S, I at the left, right, upper and lower edge."""
    for letter, (x, y) in zip(letters, ((0.02, 0.5), (0.98, 0.5), (0.5, 0.98), (0.5, 0.02)), strict=True):
        where = {
            "ha": {0.02: "left", 0.98: "right"}.get(x, "center"),
            "va": {0.98: "top", 0.02: "bottom"}.get(y, "center"),
        }
        axis.text(x, y, letter, transform=axis.transAxes, color=ON_IMAGE, fontsize=fontsize, alpha=0.8, **where)


def draw_outline(axis, inside: np.ndarray, extent, style: str, width: float = 1.1, colour: str = OUTLINE) -> None:
    """The border of a mask ``[rows, columns]`` that fills ``extent`` in mm; nothing for a mask one voxel thin."""
    # a frame of zeros closes outlines that touch the border
    framed = np.pad(inside.astype(float), 1)
    mm = [extent[1] / inside.shape[1], extent[3] / inside.shape[0]]
    x = (np.arange(framed.shape[1]) - 0.5) * mm[0]
    y = (np.arange(framed.shape[0]) - 0.5) * mm[1]
    if min(inside.shape) > 1:
        axis.contour(x, y, framed, levels=[0.5], colors=colour, linewidths=width, linestyles=style)


def draw_scale_bar(axis, fontsize: float = 8, start: float = 0.96) -> None:
    """A bar of a round length in the lower left of axes in mm, whose limits are set and whose x axis runs to the
    left."""
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    wide, tall = left - right, high - low
    length = max(n for n in (1, 2, 5, 10, 20, 50, 100, 200) if n <= max(1, wide / 4))
    left, low = right + wide * start, low + tall * 0.04
    axis.plot([left, left - length], [low, low], color=ON_IMAGE, linewidth=2.5, solid_capstyle="butt")
    # from the bar's start: in a small picture the words are longer than the bar
    axis.text(left, low + tall * 0.014, f"{length} mm", color=ON_IMAGE, fontsize=fontsize, ha="left", va="bottom")


def upright(grid) -> bool:
    """Whether a canonical grid's slices are those of the patient's axes, within about a degree."""
    return bool((np.abs(np.diag(grid.ijk_to_ras[:3, :3])) / grid.spacing_kji[::-1] > 0.9998).all())


def slice_words(grid, plane, at) -> str:
    """ "Axial, S = 12.0 mm" for the slice of a canonical grid through ``at`` (k, j, i); "" for the one of a photo."""
    name, across = plane[:2]
    if grid.is_photo:
        return "" if grid.shape[across] == 1 else f"Slice {at[across]} of {grid.shape[across]}"
    oblique = "" if upright(grid) else " (along the image's axes)"
    return f"{name}, {LETTER[across]} = {grid.ras(at)[2 - across]:.1f} mm{oblique}"


def draw_bearings(axis, grid, plane, fontsize: float = 8, start: float = 0.96, bar=True):
    """Letters of the patient's sides and, with ``bar``, a scale bar; nothing on a photo, which has neither."""
    if grid.is_photo:
        return
    draw_letters(axis, plane[4], fontsize)
    if bar:
        draw_scale_bar(axis, fontsize, start)


def in_colour(channels: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``[..., 3]`` in 0..1 for matplotlib from ``[3, ...]`` red, green, blue. whole: the image's values, whose type
    tells their range (0 to 255, else its own)."""
    low, high = (0, 255) if whole.dtype == np.uint8 else (float(channels.min()), float(channels.max()))
    return np.clip((np.moveaxis(channels, 0, -1) - low) / max(high - low, 1e-9), 0, 1)


def in_grey(colours: np.ndarray) -> np.ndarray:
    """``[...]`` brightness in 0..1 of red, green, blue ``[..., 3]``, weighted as in ITU-R BT.709."""
    return colours @ np.array([0.2126, 0.7152, 0.0722])


def signed_alpha(values: np.ndarray, end: float) -> np.ndarray:
    """How opaque signed values are drawn, 0 at zero and 0.85 at ``end``: 0.85 sqrt(|value| / end)."""
    return 0.85 * np.sqrt(np.clip(np.abs(np.nan_to_num(values)) / end, 0, 1))


def percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def name_signs(bar, theme: Theme, fontsize: float = 7.5) -> None:
    """What the two ends of a colour bar of both signs mean: "for" above it, "against" below."""
    bar.ax.set_title("for", color=theme.ink, fontsize=fontsize, pad=3)
    bar.ax.set_xlabel("against", color=theme.ink, fontsize=fontsize, labelpad=3)
