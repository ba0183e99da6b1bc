"""KiTS23: ``case_00000/imaging.nii.gz`` and ``segmentation.nii.gz``, in the download's ``dataset`` folder.

Labels 1 kidney, 2 tumor, 3 cyst, and the hierarchical evaluation classes that the challenge scores.  Source:
kits23/configuration/labels.py of github.com/neheller/kits23.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..plans.row import PlanError, Row
from .held_files import chosen, dataset, held, refuse_missing

IMAGE, SEGMENTATION = "imaging.nii.gz", "segmentation.nii.gz"
LABELS = {"kidney": 1, "tumor": 2, "cyst": 3}
#: hierarchical evaluation classes: the labels that are merged
HIERARCHICAL = {"kidney_and_mass": (1, 2, 3), "mass": (2, 3), "tumor": (2,)}
_CASE = re.compile(r"case_\d{5}")


def rows(folder: Path | str, *, model: str, classes: Sequence[str] = ()) -> Iterator[Row]:
    """One row a case and class. classes: of LABELS (the default: all of them) and HIERARCHICAL.

    Merged labels are named by a sum: "1+2+3".  Raises PlanError.
    """
    root = dataset(folder, "KiTS23")
    root = root / "dataset" if (root / "dataset").is_dir() else root
    cases = [name for name in held(root) if _CASE.fullmatch(name)]
    if not cases:
        raise PlanError(
            f"The folder '{root.name}' holds no KiTS case.", "Name the 'dataset' folder, with case_00000 and so on."
        )
    known = {name: "+".join(map(str, values)) for name, values in HIERARCHICAL.items()}
    known |= {name: str(value) for name, value in LABELS.items()}
    names = chosen(classes, [*LABELS, *HIERARCHICAL], "KiTS23") if classes else list(LABELS)
    inside = {case: set(held(root / case)) for case in cases}
    refuse_missing(
        [case for case in cases if IMAGE not in inside[case]],
        f"has no {IMAGE}",
        "The images are downloaded apart: kits23_download_data.",
    )
    refuse_missing(
        [case for case in cases if SEGMENTATION not in inside[case]],
        f"has no {SEGMENTATION}",
        "Download it again, or move the case away.",
    )
    return _rows(root, cases, model, {name: known[name] for name in names})


def _rows(root, cases, model, labels) -> Iterator[Row]:
    for case in cases:
        image, segment = str(root / case / IMAGE), str(root / case / SEGMENTATION)
        for name, label in labels.items():
            yield Row(
                case=case, images=(image,), model=model, target=name, segment=segment, label=label,
                reference=segment, reference_label=label,
            )  # fmt: skip
