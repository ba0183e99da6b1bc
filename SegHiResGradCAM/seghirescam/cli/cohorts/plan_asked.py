"""The plan that a command names: a file, the shipped one, or a dataset's folder in a layout of the field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...demo.words import PLAN, PLAN_FILE

#: option's name -> word of the layouts
_WORDS = {"split": "split", "classes": "classes", "channels": "channels", "pipeline": "pipeline",
          "by_train_id": "by_train_id"}  # fmt: skip


@dataclass(frozen=True)
class PlanAsked:
    """folder: what the rows' paths are relative to.  rows: all, anew at each call.  head: settings of a YAML."""

    folder: Path
    rows: Callable[[], Iterator]
    head: dict


def add_folder_words(parser) -> None:
    from ...cohort.layouts import LAYOUTS
    from ...cohort.layouts.recognised import SIGNS

    folder = parser.add_argument_group("of a PLAN that is a dataset's folder")
    folder.add_argument(
        "--layout", metavar="NAME",
        help=f"{', '.join(LAYOUTS)}; {' and '.join(SIGNS)} are recognised without it",
    )  # fmt: skip
    folder.add_argument(
        "--model", action="append", default=[], dest="models", metavar="MODEL", help="who is asked (repeatable)"
    )
    folder.add_argument(
        "--class", action="append", dest="classes", metavar="NAME",
        help="of the dataset's classes (repeatable; default: all), which the model calls the same",
    )  # fmt: skip
    folder.add_argument("--split", metavar="NAME", help="nnunet: Tr, Ts; cityscapes: val; opg: test; ...")
    folder.add_argument(
        "--channel", action="append", dest="channels", metavar="SUFFIX",
        help="bids: of the images, in the model's order (repeatable; default: T1w)",
    )  # fmt: skip
    folder.add_argument("--pipeline", metavar="NAME", help="bids: the folder in derivatives with the segmentations")
    folder.add_argument(
        "--by-train-id", action="store_true", default=None, help="cityscapes: the model's classes are called by number"
    )
    folder.add_argument("--rival", metavar="CLASS", default="", help="of the contrast score")
    folder.add_argument(
        "--pixel-set", dest="pixels", metavar="FORM", default="",
        help="default: the dataset's mask where there is one, else predicted; the mask is the reference in any case",
    )  # fmt: skip
    folder.add_argument(
        "--write-plan", type=Path, metavar="CSV", help="write the questions as a plan to be cut by hand; ask nothing"
    )


def asked(options, console) -> PlanAsked:
    """Raises PlanError."""
    from ...cohort.plans.expanded import expanded, head

    plan = PLAN_FILE if options.plan == PLAN else Path(options.plan)
    if plan.is_dir():
        dataset = _dataset(options, plan, console)
        return PlanAsked(plan.absolute(), dataset.rows_inside, {})
    _refuse_folder_words(options, plan)
    return PlanAsked(plan.absolute().parent, lambda: expanded(plan), head(plan))


def write_plan(options, console) -> int:
    """The folder's questions as a CSV. Raises PlanError."""
    from ...cohort.layouts.as_plan import write_plan as write

    folder = Path(options.plan)
    if not folder.is_dir():
        _refuse_folder_words(options, folder)
    count = write(options.write_plan, _dataset(options, folder, console).rows())
    text = f"Written: {options.write_plan.name}, {count} questions. Now: seghirescam cohort PLAN --out RUN, with it."
    console.answer({"file": options.write_plan.name, "questions": count}, text)
    return 0


def _dataset(options, folder, console):
    from ...cohort.layouts.folder_plan import FolderPlan
    from ...cohort.layouts.recognised import SIGNS, layout_of

    name = options.layout or layout_of(folder)
    if not options.layout:
        console.note(f"The folder is read in the layout {name}: it has {SIGNS[name]}.")
    words = {}
    for option, word in _WORDS.items():
        value = getattr(options, option)
        if value is not None:
            words[word] = tuple(dict.fromkeys(value)) if isinstance(value, list) else value
    return FolderPlan(folder, name, tuple(options.models), words, options.rival, options.pixels)


def _refuse_folder_words(options, plan: Path) -> None:
    from ...cohort.plans.row import PlanError

    given = {"layout": "--layout", "models": "--model", "classes": "--class", "split": "--split",
             "channels": "--channel", "pipeline": "--pipeline", "by_train_id": "--by-train-id", "rival": "--rival",
             "pixels": "--pixel-set", "write_plan": "--write-plan"}  # fmt: skip
    for name, word in given.items():
        if getattr(options, name):
            what = "is a file" if plan.is_file() or options.plan == PLAN else "is no folder"
            raise PlanError(
                f"{word} goes with a dataset's folder, and '{plan.name}' {what}.",
                "Name the folder, or say it in the plan's columns.",
            )
