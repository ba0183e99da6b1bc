"""A page to be read of a cohort's run, or of a result: one HTML file with everything within."""

from __future__ import annotations

from pathlib import Path

from ..figure import add_signed
from ..inputs import refuse_absent
from ..manifest import read_manifest
from ..outputs import OutputError, claimed_file, swept
from ..own_inputs import Inputs
from .links import NO_LINKS, Links

HELP = "One HTML page of a cohort's run or of a result: what was asked, the odd first, pictures within."
MORE = """RESULT is the folder of 'seghirescam cohort', or of explain, compare, disagree, paint, causes, flip or
evaluate. The page fetches nothing, runs no script, and holds hashes instead of names; it says by which rule cases are
sorted. Maps of a cohort are drawn where it kept them (--maps). Within the folder it is about, it links to the files."""
EXAMPLE = "seghirescam report why/ --image demo:case"
#: the page's name within the folder it is about
NAME = "report.html"
#: cases with a section of their own
MOST = 30


def add_arguments(parser) -> None:
    parser.add_argument("result", type=Path, metavar="RESULT", help="folder of a cohort's run, or of a result")
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"the page, .html (default: {NAME} in the folder)")
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    parser.add_argument(
        "--image", metavar="PATH", help="of a result: the image that was explained, to be drawn behind the maps"
    )
    parser.add_argument(
        "--images", type=Path, metavar="FOLDER",
        help="of a run: draw the images that its cases.csv names, too; the folder of the plan, where its paths begin",
    )  # fmt: skip
    add_signed(parser)
    parser.add_argument(
        "--most", type=int, default=MOST, metavar="N", help=f"cases of a run with pictures (default: {MOST})"
    )
    parser.add_argument(
        "--names", action="store_true",
        help="of a run: call cases, files and models as the plan does, and link from anywhere; the page says so",
    )  # fmt: skip


def run(options, console) -> int:
    folder, out = options.result, options.out or options.result / NAME
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "is not there"
        raise OutputError(f"'{folder.name}' {what}.", "Name the folder of a cohort's run or a result.")
    if options.most < 0:
        raise OutputError("The number of cases with pictures cannot be below zero.", f"Use --most {MOST}, for example.")
    with claimed_file(out, options.overwrite, (".html",), _read_of(options)) as place:
        return _run(options, console, place, out)


def _read_of(options) -> Inputs:
    """What the page is made from is never replaced by it."""
    own = Inputs.of(options)
    held = [one for one in options.result.iterdir() if one.is_file() and one.name != NAME]
    return Inputs([*own.files, *held], own.folders)


def _run(options, console, place, out):
    from ...figures.report.render import html

    links = Links(options.result, out.parent, options.names)
    page = _page(options, console, links)
    console.progress(0.95, "writing")
    text = html(page)
    with place.filled() as hidden:
        (hidden / out.name).write_text(text, encoding="utf-8")
    if not links.linking:
        console.note(NO_LINKS)
    told = {"file": out.name, "sections": len(page.sections), "bytes": len(text.encode())}
    console.answer(told, f"Written: {out.name} ({page.lead})")
    return 0


def _page(options, console, links: Links):
    from ...cohort.run_folder import PLAN, RunFolder

    run = RunFolder(options.result)
    if run.facts() is not None:
        _refuse(options.image, "--image goes with one result", "Use --images FOLDER, the plan's folder.")
        from .run_page import RunPage
        from .run_pictures import RunMaps

        if options.images is not None and not options.images.is_dir():
            raise OutputError(f"The folder '{options.images.name}' is not there.", "Name the folder of the plan.")
        maps = RunMaps(run, options.images, options.signed)
        return RunPage(run, maps, links, options.names, options.most, console.progress).page()
    manifest = read_manifest(swept(options.result))
    if manifest is None:
        raise OutputError(
            f"The folder '{options.result.name}' holds neither a cohort's {PLAN} nor a result's run.json.",
            "Name a folder that a seghirescam command wrote with --out.",
        )
    _refuse(options.images, "--images goes with a cohort's run", "Use --image PATH.")
    _refuse(options.names or None, "--names goes with a cohort's run", "Leave it out: a result holds no names.")
    if options.image is not None:
        refuse_absent([options.image])
    from .result_page import ResultPage

    return ResultPage(options.result, manifest, links, options.image, console.progress, options.signed).page()


def _refuse(given, sentence: str, hint: str) -> None:
    if given is not None:
        raise OutputError(f"{sentence}.", hint)
