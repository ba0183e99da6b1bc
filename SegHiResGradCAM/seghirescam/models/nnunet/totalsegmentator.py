"""TotalSegmentator's tasks from the weights it has already downloaded: ``open_model("totalsegmentator:total_fast")``.

A task of several networks needs the part named, by a class or by its data set: ``"totalsegmentator:total/liver"``,
``"totalsegmentator:291"``; the path of a DatasetNNN_* folder in the weights folder works too.  Nothing is downloaded.
The image is brought into RAS, resampled (cubic) to the plans' voxel size and cut to integers as TotalSegmentator does,
then nnU-Net's own preprocessing follows; no mirroring; its first crop and its clean-up afterwards are not repeated.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...io.nifti_header import NIBABEL
from ...protocol.errors import ImageError, ModelError
from ...protocol.explanation import ClassInfo
from ...protocol.grid import Grid
from ...protocol.image import Image
from ..segmentation_model import ModelKind
from . import nnunet_files
from .nnunet_axes import reader_spacing, reader_turn
from .nnunet_files import TrainedModel
from .nnunet_model import REQUIREMENT, NnunetModel, Route, library
from .totalsegmentator_tasks import TASKS, Task, step_of, task_of

PREFIX = "totalsegmentator:"
_DATASET = re.compile(r"Dataset(\d{3,})_.+")


class TotalSegmentatorModel(NnunetModel):
    """One network of a TotalSegmentator task. Raises ModelError and DependencyError as NnunetModel."""

    kind = "totalsegmentator"
    header_rule = NIBABEL

    def __init__(self, about: TrainedModel, task: str):
        super().__init__(about, step_of(task))
        self.task = task
        self._task = TASKS.get(task, Task(()))
        self.name = f"TotalSegmentator {task or self.name}" + (f" ({_data_set(about)})" if task else "")

    def _as_read(self, image: Image):
        turn = reader_turn("NibabelIOWithReorient", image.grid)
        array, grid = turn.array(image.array), turn.grid(image.grid)
        given = np.array(reader_spacing("NibabelIO", grid))
        spacing = self._voxel_size()
        if not self._task.resampled or np.array_equal(given, spacing):
            return array, grid, Route(turn, {"spacing": list(given)})
        with library("prepare this image", ImageError):
            resampled = _zoomed(array, given / spacing, order=3, dtype=np.int32)
        between = array.shape[1:]
        return resampled, _zoomed_grid(grid, resampled.shape[1:]), Route(turn, {"spacing": list(spacing)}, between)

    def _before_resampling(self, labels: np.ndarray, route: Route) -> np.ndarray:
        if route.between is None:
            return labels
        lead = labels.ndim - 3
        shape = np.array(route.between) / np.array(labels.shape[lead:])
        masks = labels.reshape((-1, *labels.shape[lead:])).astype(np.uint8 if labels.dtype == bool else labels.dtype)
        back = _zoomed(masks, shape, order=0, dtype=labels.dtype)
        return back.reshape((*labels.shape[:lead], *route.between))

    def _voxel_size(self) -> np.ndarray:
        """(K, J, I) mm: the plans hold it after transpose_forward."""
        spacing = np.empty(3)
        spacing[list(self._plans.transpose_forward)] = self._configuration.spacing
        return spacing

    def _notes(self) -> tuple[str, ...]:
        notes = ()
        if self._task.crop:
            notes += (
                f"TotalSegmentator first crops the image of this task to {self._task.crop}; here the network sees the "
                "whole image. Crop the volume first to get the same prediction.",
            )
        if not self.task:
            notes += ("This data set is no task of TotalSegmentator 2.18; its usual preprocessing was assumed.",)
        return notes


def _zoomed(array, zoom, order, dtype):
    """``[C, K, J, I]`` by ndimage.zoom in double precision, each channel; corners stay where they are."""
    from scipy import ndimage

    return np.stack(
        [ndimage.zoom(c.astype(np.float64 if order else c.dtype), zoom, mode="nearest", order=order) for c in array]
    ).astype(dtype)


def _zoomed_grid(grid: Grid, shape) -> Grid:
    """Where ndimage.zoom really puts its voxels: first on first and last on last (its affine is a little off)."""
    sizes = zip(grid.shape, shape, strict=True)
    jump = [(old - 1) / (new - 1) if min(old, new) > 1 else old / new for old, new in sizes]
    return grid.strided(jump, (0, 0, 0), shape)


def weights_folder() -> Path:
    """Where TotalSegmentator keeps its weights, by its own rules."""
    if named := os.environ.get("TOTALSEG_WEIGHTS_PATH"):
        return Path(named)
    home = os.environ.get("TOTALSEG_HOME_DIR")
    return (Path(home) if home else Path.home() / ".totalsegmentator") / "nnunet" / "results"


class _TotalSegmentatorKind(ModelKind):
    """Recognises ``totalsegmentator:...`` and data set folders inside the weights folder; only data are read."""

    name = "totalsegmentator"
    title = "TotalSegmentator weights"
    order = 20

    def recognises(self, source) -> bool:
        if isinstance(source, dict):
            return "totalsegmentator" in source
        if str(source).startswith(PREFIX):
            return True
        folder = _dataset_folder(Path(str(source)))
        return folder is not None and (
            _same(folder.parent, weights_folder())
            or ("_TotalSeg" in folder.name and task_of(_number(folder)) != "")
            or folder.parent.parts[-3:] == (".totalsegmentator", "nnunet", "results")
        )

    def requirements(self, source) -> tuple[str, ...]:
        return (REQUIREMENT,)

    def files(self, source) -> tuple[Path, ...]:
        about, _ = _found(source)
        return (about.folder / "plans.json", about.folder / "dataset.json", *about.checkpoints())

    def classes(self, source) -> tuple[ClassInfo, ...]:
        return nnunet_files.heads(_found(source)[0].dataset())[1]

    def channels(self, source) -> tuple[str, ...]:
        return nnunet_files.channels(_found(source)[0].dataset())

    def open(self, source, consent: bool = False) -> TotalSegmentatorModel:
        return TotalSegmentatorModel(*_found(source))


def _found(source) -> tuple[TrainedModel, str]:
    """(trained-model folder, task). Raises ModelError with what to do where weights or the choice of a part lack."""
    words = dict(source) if isinstance(source, dict) else {"totalsegmentator": source}
    wanted = str(words.pop("totalsegmentator"))
    path = Path(wanted)
    if not wanted.startswith(PREFIX) and (folder := _dataset_folder(path)) is not None:
        task, where = task_of(_number(folder)), path
    else:
        task, where = _named(wanted.removeprefix(PREFIX))
    about = TrainedModel.of({"nnunet": where, **words, "mirroring": False})
    folds = about.folds or TASKS.get(task, Task(())).folds
    return replace(about, folds=folds), task


def _data_set(about) -> str:
    """As TotalSegmentator or the plans call it; of a folder that somebody renamed only the number."""
    name = about.folder.parent.name
    known = "TotalSegmentator" in name or name == about.plans().get("dataset_name")
    return name if known else name.partition("_")[0]


def _named(wanted: str) -> tuple[str, Path]:
    name, _, part = wanted.partition("/")
    if re.fullmatch("[0-9]{1,6}", name):
        return task_of(int(name)), _weights(int(name), task_of(int(name)))
    if name not in TASKS:
        raise ModelError(f"TotalSegmentator has no task {name!r}.", f"Tasks: {', '.join(TASKS)}.")
    numbers = TASKS[name].datasets
    if len(numbers) == 1:
        return name, _weights(numbers[0], name)
    if re.fullmatch("[0-9]{1,6}", part) and int(part) in numbers:
        return name, _weights(int(part), name)
    folders = [_weights(number, name) for number in numbers]
    having = [f for f in folders if part.lower() in _class_names(f)]
    if len(having) != 1:
        raise ModelError(
            f"The task '{name}' is made of {len(numbers)} networks"
            + (f", and not exactly one of them has the class '{part}'." if part else "; one has to be chosen."),
            f"Name a class, as '{PREFIX}{name}/liver', or one of: "
            + ", ".join(f"'{PREFIX}{_number(f)}' ({f.name.partition('_')[2]})" for f in folders)
            + ".",
        )
    return name, having[0]


def _class_names(folder):
    return {info.name.lower() for info in nnunet_files.heads(TrainedModel.of(folder).dataset())[1]} - {"background"}


def _weights(number: int, task: str) -> Path:
    found = sorted(p for p in weights_folder().glob(f"Dataset{number:03d}_*") if p.is_dir())
    if not found:
        of_task = f" of TotalSegmentator's task '{task}'" if task else ""
        raise ModelError(
            f"The weights{of_task} (Dataset{number:03d}) are not in TotalSegmentator's weights folder "
            "($TOTALSEG_WEIGHTS_PATH, or ~/.totalsegmentator/nnunet/results).",
            f"Download them with TotalSegmentator itself: totalseg_download_weights -t {task or 'TASK'}. "
            "Nothing is downloaded from here.",
        )
    return found[0]


def _dataset_folder(path: Path) -> Path | None:
    """The DatasetNNN_* folder that ``path`` is or lies in."""
    return next((p for p in (path, *path.parents) if _DATASET.fullmatch(p.name)), None)


def _number(folder: Path) -> int:
    return int(_DATASET.fullmatch(folder.name)[1])


def _same(one: Path, other: Path) -> bool:
    try:
        return one.resolve() == other.resolve()
    except OSError:
        return False


KIND = _TotalSegmentatorKind()
