"""Segmentation folders of Hugging Face: ``open_model("segformer-b0-finetuned-ade")``, a folder on this machine.

The folder holds config.json, preprocessor_config.json and model.safetensors.  The network, how a picture is prepared
and the way back are ``transformers``' own; nothing of the folder runs and nothing is downloaded.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import numpy as np

from ...cam.logits.heads import NO_ACTIVATION, SOFTMAX
from ...io.colour_images import CHANNELS
from ...protocol.errors import DependencyError, ImageError, ModelError, SegHiResCamError
from ...protocol.explanation import ClassInfo
from ...protocol.image import Image
from ..segmentation_model import ModelKind, Prepared, SegmentationModel
from ..weights.checkpoints import hash_of
from ..weights.state import finite
from . import model_folder
from .model_folder import ModelFolder
from .pictures import picture

REQUIREMENT = "transformers>=5.24"  # the version this was measured with
_BACKGROUND = ("background", "unlabeled", "unlabelled", "void", "other", "none", "label_0")
_NAMED = 5
#: own, fed: sizes in pixels
_REDUCED = (
    "The network was fed fewer pixels ({fed}) than its score is formed at ({own}): for the map the score is reduced to "
    "the network's input (bilinear, corners not aligned, not smoothed), so that it is read at every few of its pixels; "
    "the prediction is made of all of them, as transformers makes it."
)


class HuggingFaceModel(SegmentationModel):
    """The network of a folder with its own image processor.

    Raises ModelError for missing or damaged files and what does not fit, DependencyError without transformers.
    """

    kind = "hugging_face"
    channels = CHANNELS
    spatial_dims = 2
    head = SOFTMAX
    activation = NO_ACTIVATION
    grey_as_colour = True

    def __init__(self, about: ModelFolder):
        self.classes = about.classes()
        weights = about.weights()
        about.preprocessing()
        if about.config.get("num_channels", 3) != 3:
            raise ModelError(
                "The network takes other pictures than red, green and blue.", "Describe it in a .model.json."
            )
        with library("open the model"):
            self._processor = _processor(about)
            network = _network(about, len(self.classes))
        _refuse_cropping(self._processor)
        self.networks = (network.eval(),)
        self.weights_hash = hash_of(weights)
        self.name = f"{about.title} {self.weights_hash[:8]}"
        self.score_unit = "log score" if about.has_queries else "logit"
        self._made_at = self.networks[0].first if about.has_queries else None
        self.loading = tuple(self._told(about))

    def _told(self, about):
        if about.has_queries:
            yield (
                f"{about.title} has no logit of a class: its score is the logarithm of the class score by which it "
                'decides, log of the sum over its queries of softmax(class, without "no object") x sigmoid(mask).'
            )
        made = "logits are enlarged"
        if about.has_queries:
            made = "score is enlarged"
        if self._made_at is not None:
            made = f"masks are brought to {_pixels(self._made_at)} before the score is formed, and that is then resized"
        yield (
            f"The {made} to the size of the network's input for the map, and to the image's for the prediction "
            "(bilinear, corners not aligned), as transformers does."
        )
        first = self.classes[0].name
        if first.lower() not in _BACKGROUND:
            yield f"Class 0 is '{first}', no background: where it is predicted, a label map shows 0."

    def prepare(self, image: Image) -> Prepared:
        """The folder's own image processor, in eight bits. Raises ImageError."""
        import PIL.Image

        array, notes = picture(self.check(image))
        with library("prepare this picture", ImageError):
            words = self._processor(images=PIL.Image.fromarray(array), return_tensors="pt")
            tensor, mask = words["pixel_values"].float().contiguous(), words.get("pixel_mask")
        if tensor.ndim != 4 or tensor.shape[:2] != (1, 3) or (mask is not None and not bool(mask.all())):
            raise ImageError(
                "The folder's image processor cuts or pads this picture; what it makes cannot be placed on it.",
                "Switch that off in its preprocessor_config.json, or give a picture of the size it asks for.",
            )
        size = np.array(image.grid.shape[1:]) / np.array(tensor.shape[2:])
        grid = image.grid.strided((1, *size), (0, *(size - 1) / 2), (1, *tensor.shape[2:]))
        if tuple(tensor.shape[2:]) != image.grid.shape[1:]:
            notes = (*notes, f"The picture was resized from {image.grid.shape[1:]} to {grid.shape[1:]} pixels.")
        if self._made_at is not None and any(a > b for a, b in zip(self._made_at, grid.shape[1:], strict=True)):
            notes = (*notes, _REDUCED.format(own=_pixels(self._made_at), fed=_pixels(grid.shape[1:])))
        return Prepared(tensor, grid, grid.shape, notes)

    def labels_on_input(self, logits: np.ndarray, prepared: Prepared, image: Image) -> np.ndarray:
        """transformers' ``post_process_semantic_segmentation``: what the network said, at its own size, enlarged once
        to the image's."""
        import torch

        from .class_scores import resized

        network = self.networks[0]

        def again():
            where = next(network.parameters())
            with torch.inference_mode(False), torch.no_grad():
                network(self.prepare(image).tensor.to(where.device, where.dtype))

        values = network.compared(logits[:, 0], again)
        found = resized(torch.from_numpy(values.astype(np.float32))[None], image.grid.shape[1:])[0].argmax(dim=0)
        return found[None].numpy().astype(np.uint8 if len(values) <= 256 else np.uint16)


def _pixels(size) -> str:
    return " x ".join(map(str, size))


def _network(about: ModelFolder, classes: int):
    """The library's network with the folder's weights, every one of them, in float32."""
    import torch
    import transformers

    from .class_scores import MASK2FORMER_SIZE, PixelLogits, QueryScores

    network, found = getattr(transformers, about.network_class).from_pretrained(
        str(about.path), use_safetensors=True, output_loading_info=True, dtype=torch.float32,
        attn_implementation="eager", **_OFFLINE,
    )  # fmt: skip
    problems = [
        f"{len(found[key])} {what} ({', '.join(sorted(str(name) for name in found[key])[:_NAMED])})"
        for key, what in (
            ("missing_keys", "missing"), ("unexpected_keys", "unexpected"), ("mismatched_keys", "of another shape"))
        if found.get(key)
    ]  # fmt: skip
    if problems:
        raise ModelError(
            f"The folder's weights do not fit its config.json: {'; '.join(problems)}.", "Download the whole folder."
        )
    finite(dict(network.state_dict()), model_folder.WEIGHTS, "file")
    if network.config.num_labels != classes:
        raise ModelError("'id2label' and the number of labels in config.json differ.", "Correct it.")
    if not about.has_queries:
        return PixelLogits(network)
    first = MASK2FORMER_SIZE if about.config["model_type"] == "mask2former" else None
    return QueryScores(network, first, _task(about) if about.config["model_type"] == "oneformer" else None)


def _processor(about: ModelFolder):
    import transformers

    # OneFormer's would download a table of class names that only training needs
    words = {"class_info_file": None} if about.config["model_type"] == "oneformer" else {}
    return transformers.AutoImageProcessor.from_pretrained(str(about.path), backend="pil", **words, **_OFFLINE)


def _task(about: ModelFolder):
    """OneFormer is told what to do in words; as its processor writes them."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(str(about.path), **_OFFLINE)
    longest = int(about.config.get("task_seq_len", 77))
    words = tokenizer("the task is semantic", padding="max_length", max_length=longest, truncation=True)
    return (torch.tensor(words["attention_mask"]) * torch.tensor(words["input_ids"]))[None]


def _refuse_cropping(processor):
    if getattr(processor, "do_center_crop", False):
        raise ModelError(
            "The folder's image processor cuts the middle out of a picture; transformers then stretches the prediction "
            "over the whole of it.",
            'Write "do_center_crop": false in its preprocessor_config.json: the network then sees the whole picture.',
        )
    if getattr(processor, "do_pad", False) and type(processor).__name__.startswith("DPT"):
        raise ModelError(
            "The folder's image processor pads pictures; transformers then stretches the prediction.",
            'Write "do_pad": false in its preprocessor_config.json.',
        )


_OFFLINE = {"local_files_only": True, "trust_remote_code": False}


@contextmanager
def library(doing: str, error: type[SegHiResCamError] = ModelError):
    """transformers at work: without the network, its words on stderr, what it raises as one sentence."""
    kept = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"  # read when the library is first imported
    try:
        with redirect_stdout(sys.stderr):
            from transformers.utils import logging

            level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
            logging.set_verbosity_error()
            logging.disable_progress_bar()  # ours is drawn, or none is wanted
            try:
                yield
            finally:
                logging.set_verbosity(level)
                if bars:
                    logging.enable_progress_bar()
    except SegHiResCamError:
        raise
    except ModuleNotFoundError as missing:
        package = (missing.name or "transformers").partition(".")[0]
        pip = f'"{REQUIREMENT}"' if package == "transformers" else package
        raise DependencyError.of("A Hugging Face folder", package, pip) from missing
    except Exception as problem:  # the library raises whatever damaged files lead to
        line = (str(problem).strip().splitlines() or [""])[0][:200]
        raise error(
            f"transformers could not {doing}: {type(problem).__name__}: {line}.",
            "Copy or download the folder again; it may also need another version of transformers.",
        ) from problem
    finally:
        if kept is None:
            os.environ.pop("HF_HUB_OFFLINE", None)
        else:
            os.environ["HF_HUB_OFFLINE"] = kept


class _HuggingFaceKind(ModelKind):
    """Recognises a folder with a config.json of transformers, or that file or the weights in it; only data are read."""

    name = "hugging_face"
    title = "Hugging Face segmentation folder"
    order = 40

    def recognises(self, source) -> bool:
        return not isinstance(source, dict) and model_folder.looks_like_one(source)

    def requirements(self, source) -> tuple[str, ...]:
        return (REQUIREMENT, "pillow")

    def files(self, source) -> tuple[Path, ...]:
        about = ModelFolder.of(source)
        return (about.path / model_folder.CONFIG, about.preprocessing(), *about.weights())

    def classes(self, source) -> tuple[ClassInfo, ...]:
        return ModelFolder.of(source).classes()

    def channels(self, source) -> tuple[str, ...]:
        ModelFolder.of(source)
        return CHANNELS

    def open(self, source, consent: bool | str = False) -> HuggingFaceModel:
        return HuggingFaceModel(ModelFolder.of(source))


KIND = _HuggingFaceKind()
