"""nnU-Net v2 trained-model folders: ``open_model("Dataset001_X/nnUNetTrainer__nnUNetPlans__3d_fullres")``.

All folds found are averaged, as ``nnUNetv2_predict`` does; ``{"nnunet": folder, "folds": [0], "checkpoint":
"checkpoint_best.pth", "mirroring": False}`` chooses.  Preprocessing, windows and the way back are nnU-Net's own
functions; the checkpoint is read as data, and the trainer's class is never looked for.
"""

from __future__ import annotations

import itertools
import sys
import warnings
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...cam.logits.heads import NO_ACTIVATION, SIGMOID
from ...io.nifti_header import ITK, NIBABEL
from ...protocol.errors import DependencyError, ImageError, ModelError, SegHiResCamError
from ...protocol.explanation import ClassInfo
from ...protocol.grid import Grid
from ...protocol.image import Image
from ..segmentation_model import ModelKind, Prepared, SegmentationModel, Windows
from ..weights.checkpoints import hash_of, read_training_checkpoint
from ..weights.state import put_into
from . import nnunet_files
from .nnunet_axes import Turn, model_grid, reader_spacing, reader_turn
from .nnunet_files import TrainedModel

REQUIREMENT = "nnunetv2>=2.5"
#: networks that have changed their module between versions of dynamic_network_architectures
_UNETS = ("PlainConvUNet", "ResidualEncoderUNet", "ResidualUNet")


@dataclass(frozen=True, eq=False)
class Route:
    """What the way back needs: how the image was turned, and what nnU-Net noted while it cropped and resampled.

    between: shape of the turned image before TotalSegmentator's own resampling (None without).
    """

    turn: Turn
    properties: dict
    between: tuple[int, int, int] | None = None


class NnunetModel(SegmentationModel):
    """The networks of a trained-model folder with nnU-Net's own preprocessing and sliding window.

    Raises ModelError for missing or damaged files, foreign names and cascades before nnunetv2 is imported, for weights
    that do not fit afterwards; DependencyError without nnunetv2.  step: window step as a fraction of the patch.
    """

    kind = "nnunet"
    activation = NO_ACTIVATION

    def __init__(self, about: TrainedModel, step: float = 0.5):
        plans, dataset, paths = about.plans(), about.dataset(), about.checkpoints()
        checkpoints = [read_training_checkpoint(path) for path in paths]
        configuration = _configuration_name(checkpoints[0], about.folder)
        settings = nnunet_files.resolved(plans, configuration)
        nnunet_files.refuse_cascade(configuration, settings)
        if foreign := nnunet_files.foreign_names(plans, settings):
            raise ModelError(
                f"'plans.json' names code that is not nnU-Net's own: {'; '.join(foreign)}.",
                "Nothing was imported. Such a network can be opened as a Python file with its weights.",
            )
        self.head, self.classes = nnunet_files.heads(dataset)
        self.channels = nnunet_files.channels(dataset)
        self.spatial_dims = len(settings.get("patch_size", ()))
        folds = f", {len(paths)} folds" if len(paths) > 1 else ""
        self.name = f"{plans['dataset_name']} {configuration}{folds}"
        with library("open the model"):
            from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

            # what was checked is what is used: the configuration without its inheritance
            self._plans = PlansManager({**plans, "configurations": {configuration: settings}})
            self._configuration = self._plans.get_configuration(configuration)
            self._labels = self._plans.get_label_manager(dataset)
            self._dataset = dataset
            networks = [self._network() for _ in paths]
        for network, checkpoint, path in zip(networks, checkpoints, paths, strict=True):
            put_into(network, checkpoint["network_weights"], f"{path.parent.name}/{path.name}")
        self.networks = tuple(network.eval() for network in networks)
        self.fold_names = tuple(path.parent.name.removeprefix("fold_") for path in paths)
        allowed = checkpoints[0].get("inference_allowed_mirroring_axes") if about.mirroring else None
        with library("cut windows"):
            self.windows = _windows(tuple(settings["patch_size"]), step, tuple(allowed or ()))
        self.weights_hash = hash_of(paths)

    @property
    def header_rule(self) -> str:
        """Where its own reader puts a file whose headers disagree; see :mod:`nifti_header`."""
        return ITK if self._plans.plans["image_reader_writer"].startswith("SimpleITK") else NIBABEL

    def prepare(self, image: Image) -> Prepared:
        """nnU-Net's own preprocessing in memory: what its reader would hand out, transposed, cropped, normalised,
        resampled. Raises ImageError."""
        import torch

        self.check(image)
        array, grid, route = self._as_read(image)
        self._refuse_thin(grid, route.properties["spacing"])
        with library("prepare this image", ImageError):
            preprocessor = self._configuration.preprocessor_class(verbose=False)
            data = preprocessor.run_case_npy(
                array, None, route.properties, self._plans, self._configuration, self._dataset
            )[0]
        grid = model_grid(
            grid, self._plans.transpose_forward, route.properties["bbox_used_for_cropping"], data.shape[1:]
        )
        tensor = torch.from_numpy(np.ascontiguousarray(data, dtype=np.float32))[None]
        return Prepared(tensor, grid, grid.shape, self._notes(), route)

    def labels_on_input(self, logits: np.ndarray, prepared: Prepared, image: Image) -> np.ndarray:
        """nnU-Net's own way back: logits resampled, decided, put into the crop, transposed; then turned as the image.

        Regions: one mask each, before nnU-Net would paint them over each other in regions_class_order.
        """
        import torch

        route: Route = prepared.facts
        inner = np.ascontiguousarray(logits[(slice(None), *(slice(0, n) for n in prepared.valid))])
        sigmoid = self.head == SIGMOID
        with library("bring the prediction back"):
            from nnunetv2.inference.export_prediction import (
                convert_predicted_logits_to_segmentation_with_correct_shape as convert,
            )

            found = convert(
                inner,
                self._plans,
                self._configuration,
                self._labels,
                route.properties,
                return_probabilities=sigmoid,
                num_threads_torch=torch.get_num_threads(),
            )
        labels = self._before_resampling(found[1] > 0.5 if sigmoid else found, route)
        return np.ascontiguousarray(route.turn.back(labels))

    def _as_read(self, image: Image) -> tuple[np.ndarray, Grid, Route]:
        """The array as the model's own reader would hand it out, its grid, and the way back."""
        reader = self._plans.plans["image_reader_writer"]
        turn = reader_turn(reader, image.grid)
        grid = turn.grid(image.grid)
        return turn.array(image.array), grid, Route(turn, {"spacing": reader_spacing(reader, grid)})

    def _refuse_thin(self, grid: Grid, spacing) -> None:
        """At the model's voxel size at least one voxel must be left along each axis."""
        turned = [(grid.shape[a], spacing[a]) for a in self._plans.transpose_forward]
        target = self._configuration.spacing  # two numbers for a 2D model: between slices nothing changes
        pairs = zip(turned[3 - len(target) :], target, strict=True)
        if any(round(given / wanted * n) < 1 for (n, given), wanted in pairs):
            size = " x ".join(f"{t:.3g}" for t in target)
            raise ImageError(
                f"At the model's voxel size ({size} mm) nothing is left of this image.",
                "Give a volume that is thicker than one voxel of the model.",
            )

    def _before_resampling(self, labels: np.ndarray, route: Route) -> np.ndarray:
        return labels

    def _notes(self) -> tuple[str, ...]:
        return ()

    def _network(self):
        from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

        settings = self._configuration
        _refuse_absent_parts(settings.network_arch_init_kwargs, settings.network_arch_init_kwargs_req_import)
        name = settings.network_arch_class_name
        if (last := name.rpartition(".")[2]) in _UNETS:
            name = f"dynamic_network_architectures.architectures.unet.{last}"
        return get_network_from_plans(
            name,
            settings.network_arch_init_kwargs,
            settings.network_arch_init_kwargs_req_import,
            len(self.channels),
            self._labels.num_segmentation_heads,
            allow_init=False,
            deep_supervision=False,
        )


def _refuse_absent_parts(arguments, imported) -> None:
    """nnU-Net looks these names up and takes a missing one for "none": a network without norm or non-linearity."""
    from pydoc import locate

    for key in imported:
        value = arguments.get(key)
        if value is not None and not isinstance(locate(str(value)), type):
            raise ModelError(
                f"'plans.json' names '{value}' as {key}, and no such class is installed: nnU-Net would silently build "
                f"the network without {key}.",
                "Correct the name, or install the versions of torch and dynamic_network_architectures it was trained "
                "with.",
            )


@contextmanager
def library(doing: str, error: type[SegHiResCamError] = ModelError):
    """nnunetv2 at work: what it prints goes to stderr, what it raises becomes one sentence."""
    try:
        with redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Detected old nnU-Net plans format")
            yield
    except SegHiResCamError:
        raise
    except ModuleNotFoundError as missing:
        package = (missing.name or "nnunetv2").partition(".")[0]
        pip = REQUIREMENT if package == "nnunetv2" else package
        raise DependencyError.of("An nnU-Net model", package, f'"{pip}"') from missing
    except Exception as problem:  # the library raises whatever unusual plans lead to
        line = (str(problem).splitlines() or [""])[0][:200]
        raise error(
            f"nnU-Net could not {doing}: {type(problem).__name__}: {line}.",
            "Try the same with nnUNetv2_predict_from_modelfolder; the model may need another version of nnunetv2.",
        ) from problem


def _configuration_name(checkpoint, folder):
    """As nnU-Net: from the checkpoint; from the folder's name where an unusual trainer left that out."""
    about = checkpoint.get("init_args")
    named = about.get("configuration") if isinstance(about, dict) else None
    return str(named or folder.name.rpartition("__")[2])


def _windows(patch, step, mirror_axes):
    from nnunetv2.inference.sliding_window_prediction import compute_gaussian, compute_steps_for_sliding_window
    from torch import device

    # their own values, half precision and all, so that the prediction is theirs
    importance = compute_gaussian(patch, sigma_scale=1 / 8, value_scaling_factor=10, device=device("cpu"))
    importance = importance.float().numpy()
    slices = len(patch) == 2

    def offsets(shape):
        steps = compute_steps_for_sliding_window(tuple(shape)[1:] if slices else tuple(shape), patch, step)
        return list(itertools.product(*([range(shape[0])] if slices else []), *steps))

    if slices:
        return Windows((1, *patch), offsets, importance[None], tuple(a + 1 for a in mirror_axes))
    return Windows(patch, offsets, importance, mirror_axes)


class _NnunetKind(ModelKind):
    """Recognises a trained-model folder, a fold or file in it, or ``{"nnunet": path, ...}``; only data are read: plans
    that name foreign code are refused when opened."""

    name = "nnunet"
    title = "nnU-Net v2 model"
    order = 30

    def recognises(self, source) -> bool:
        return "nnunet" in source if isinstance(source, dict) else nnunet_files.looks_like_one(Path(str(source)))

    def requirements(self, source) -> tuple[str, ...]:
        return (REQUIREMENT,)

    def files(self, source) -> tuple[Path, ...]:
        about = TrainedModel.of(source)
        return (about.folder / "plans.json", about.folder / "dataset.json", *about.checkpoints())

    def classes(self, source) -> tuple[ClassInfo, ...]:
        return nnunet_files.heads(TrainedModel.of(source).dataset())[1]

    def channels(self, source) -> tuple[str, ...]:
        return nnunet_files.channels(TrainedModel.of(source).dataset())

    def open(self, source, consent: bool = False) -> NnunetModel:
        return NnunetModel(TrainedModel.of(source))


KIND = _NnunetKind()
