"""A figure of what ``explain`` wrote, over the image it explained."""

from __future__ import annotations

from pathlib import Path

from ..protocol.errors import ImageError
from .inputs import refuse_absent
from .outputs import OutputError, claimed_file
from .own_inputs import Inputs
from .sidecars import read_results

HELP = "Draw what 'seghirescam explain' wrote: slices through the strongest place, as PNG, PDF or SVG."
MORE = (
    """One line of slices for each map, in millimetres, with outline, scale bar and unit. The file holds no metadata."""
)
EXAMPLE = "seghirescam figure why/ --image demo:case --out why.png"
_SUFFIXES = (".png", ".pdf", ".svg")
_MOST = 8


def add_arguments(parser) -> None:
    parser.add_argument(
        "result", type=Path, metavar="SIDECAR|FOLDER", help="a .json of 'seghirescam explain', or its whole folder"
    )
    parser.add_argument(
        "--image",
        required=True,
        metavar="PATH",
        help="the image that was explained (of several channels: the one to show; a colour image as a whole)",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="picture: .png, .pdf or .svg")
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    look = parser.add_argument_group("look")
    add_share(look)
    add_paper(look)
    add_signed(look)
    look.add_argument("--maximum", type=float, metavar="VALUE", help="end of the colour scale, for figures to compare")
    look.add_argument(
        "--at",
        dest="at_ras",
        nargs=3,
        type=float,
        metavar=("R", "A", "S"),
        help="place of the slices in mm, in a photo column, row, 0 (default: where the map is strongest)",
    )


def add_share(look) -> None:
    look.add_argument(
        "--share", type=float, default=0.8, metavar="0..1",
        help="colour the smallest region with this share of the evidence (default: 0.8)",
    )  # fmt: skip


def add_signed(look) -> None:
    look.add_argument(
        "--signed",
        action="store_true",
        help="also show what speaks against the class, in blue; for it: red",
    )


def add_paper(look, dpi: int = 150, window: bool = True) -> None:
    if window:
        look.add_argument("--window", nargs=2, type=float, metavar=("LOW", "HIGH"), help="grey values of the image")
    look.add_argument("--dark", action="store_true", help="light text on dark paper")
    look.add_argument("--dpi", type=int, default=dpi, help=f"resolution of the PNG (default: {dpi})")


def run(options, console) -> int:
    with claimed_file(options.out, options.overwrite, _SUFFIXES, Inputs.of(options)) as place:
        return _run(options, console, place)


def _run(options, console, place):
    check_look(options)
    results = read_results(options.result)
    if len(results) > _MOST:
        raise OutputError(
            f"The folder holds {len(results)} maps, a figure takes {_MOST}.", "Name one of its .json files."
        )
    refuse_absent([options.image])
    from ..figures.map_figure import DARK, LIGHT, Look, Row, draw, save
    from ..io.colour_images import is_rgb, read_rgb
    from ..io.volumes import read_volume
    from ..protocol.image import Image

    console.progress(0.0, "reading")
    colour = is_rgb(options.image)
    image = read_rgb(options.image) if colour else read_volume(options.image)
    known = {channel["sha256"] for stored in results for channel in stored.facts["request"]["channels"]}
    if any(Image(channel, image.grid).content_hash not in known for channel in image.array):
        console.note("The image is not one of those that were explained (its hash differs).")
    rows = []
    for stored in results:
        density, unit = stored.density_on(image.grid)
        heading, line = _words(stored.facts)
        evidence = stored.facts["evidence"]
        rows.append(Row(
            density, stored.mask(image.grid), heading, line, unit, stored.facts["reason"],
            evidence["inside"], evidence["chance"], evidence.get("chance_over", "volume"),
        ))  # fmt: skip
    window = tuple(options.window) if options.window else None
    at = tuple(image.grid.placed(options.at_ras)) if options.at_ras else None
    theme = DARK if options.dark else LIGHT
    look = Look(theme, options.share, options.signed, window, options.maximum, at, options.dpi, colour)
    console.progress(0.5, "drawing")
    figure = draw(image, rows, look)
    with place.filled() as folder:
        save(figure, folder / options.out.name, options.dpi)
    console.answer(
        {"file": options.out.name, "maps": [s.facts["file"]["name"] for s in results]}, f"Written: {options.out.name}"
    )
    return 0


def check_look(options) -> None:
    """Raises OutputError, ImageError."""
    if (share := getattr(options, "share", None)) is not None and not 0 < share <= 1:
        raise OutputError(f"The share of the evidence lies between 0 and 1, got {share:g}.", "Use 0.8, for example.")
    if (maximum := getattr(options, "maximum", None)) is not None and not maximum > 0:
        raise OutputError("The end of the colour scale must be above zero.", "Leave --maximum away for the map's own.")
    if options.window and not options.window[0] < options.window[1]:
        raise ImageError("The window of grey values is empty.", "Give --window LOW HIGH with LOW below HIGH.")
    check_dpi(options)


def check_dpi(options) -> None:
    """Raises OutputError."""
    if not 20 <= options.dpi <= 1200:
        raise OutputError(f"A resolution of {options.dpi} dpi is not possible.", "Use 150 for screens, 300 for print.")


def _words(facts):
    """Heading, and the line below it."""
    layer = facts["layer"]
    sizes = {unit: layer.get(f"{unit}_per_cell_kji") for unit in ("mm", "pixels")}
    known = [f" of {' x '.join(f'{v:.3g}' for v in size)} {unit}" for unit, size in sizes.items() if size]
    mm = "".join(known)
    placed = "where it reads" if facts["side"] == "reading" else "where it writes"
    heading = f"{facts['method_title']}: {facts['class_name']}"
    return heading, (
        f"Score: {facts['score_title']}, summed over {facts['pixel_set']}   |   "
        f"Layer {layer['name']} ({layer['part']}), cells{mm}, placed {placed}"
    )
