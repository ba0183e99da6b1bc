"""A folder of ``transformers`` read as data: which network, which classes, which files; what must not be opened.

Standard library only.  Nothing of the folder runs and nothing is downloaded: code a folder brings along is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ...protocol.errors import ModelError
from ...protocol.explanation import ClassInfo
from ...protocol.untrusted import is_file, json_object, named, short

CONFIG, PREPROCESSING = "config.json", "preprocessor_config.json"
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
_SHARD = re.compile(r"[\w.-]{1,200}\.safetensors")
_UNSAFE = ("pytorch_model.bin", "pytorch_model.bin.index.json")

#: model_type -> (the class of transformers, what people call it): logits of every class at every pixel
SEMANTIC = {
    "beit": ("BeitForSemanticSegmentation", "BEiT"),
    "data2vec-vision": ("Data2VecVisionForSemanticSegmentation", "Data2Vec"),
    "dpt": ("DPTForSemanticSegmentation", "DPT"),
    "mobilenet_v2": ("MobileNetV2ForSemanticSegmentation", "MobileNetV2"),
    "mobilevit": ("MobileViTForSemanticSegmentation", "MobileViT"),
    "mobilevitv2": ("MobileViTV2ForSemanticSegmentation", "MobileViTV2"),
    "segformer": ("SegformerForSemanticSegmentation", "SegFormer"),
    "upernet": ("UperNetForSemanticSegmentation", "UperNet"),
}
#: the same of networks that find masks by queries: no logit of a class, but a score
QUERIES = {
    "maskformer": ("MaskFormerForInstanceSegmentation", "MaskFormer"),
    "mask2former": ("Mask2FormerForUniversalSegmentation", "Mask2Former"),
    "oneformer": ("OneFormerForUniversalSegmentation", "OneFormer"),
}
_KNOWN = {**SEMANTIC, **QUERIES}


@dataclass(frozen=True)
class ModelFolder:
    """path: of the folder.  config: what config.json says, checked."""

    path: Path
    config: dict

    @staticmethod
    def of(source) -> ModelFolder:
        """From the folder or one of its files. Raises ModelError for what is unknown, and what would run code."""
        path = located(source)
        config = json_object(path / CONFIG)
        kind, names = config.get("model_type"), config.get("architectures") or []
        network = str(names[0]) if isinstance(names, list) and names else ""
        listed = ", ".join(title for _, title in _KNOWN.values())
        if kind not in _KNOWN or (network and network != _KNOWN[kind][0]):
            raise ModelError(
                f"This is a folder of Hugging Face transformers with a {short(network or repr(kind), 60)}, which is "
                "none of the networks that segment here.",
                f"Known: {listed}. Another network of that library can be described as a Python file with its weights.",
            )
        if "auto_map" in config:
            raise ModelError(
                "The folder's config.json names Python code of its own (auto_map), which is never run.",
                "Describe the network as a Python file with its weights, where you trust its author.",
            )
        if config.get("quantization_config"):
            raise ModelError("The folder's weights are quantised, and have no gradients.", "Give the full weights.")
        return ModelFolder(path, config)

    @property
    def network_class(self) -> str:
        return _KNOWN[self.config["model_type"]][0]

    @property
    def title(self) -> str:
        return _KNOWN[self.config["model_type"]][1]

    @property
    def has_queries(self) -> bool:
        return self.config["model_type"] in QUERIES

    def weights(self) -> tuple[Path, ...]:
        """The safetensors files. Raises ModelError where there is none, or only a pickle."""
        if is_file(self.path / WEIGHTS):
            return (self.path / WEIGHTS,)
        if is_file(self.path / INDEX):
            parts = json_object(self.path / INDEX).get("weight_map")
            names = sorted(set(map(str, parts.values()))) if isinstance(parts, dict) else []
            if not names or not all(_SHARD.fullmatch(name) for name in names):
                raise ModelError(f"'{INDEX}' names no files of weights.", "Copy or download the folder again.")
            missing = [name for name in names if not is_file(self.path / name)]
            if missing:
                raise ModelError(f"The folder lacks '{named(missing[0])}'.", "Copy or download the folder again.")
            return (self.path / INDEX, *(self.path / name for name in names))
        if any(is_file(self.path / name) for name in _UNSAFE):
            raise ModelError(
                f"The folder's weights are a pickle (pytorch_model.bin), which could run code; {WEIGHTS} is missing.",
                f"Where you trust it, write it once: transformers.{self.network_class}.from_pretrained(FOLDER)"
                ".save_pretrained(NEW_FOLDER), and the image processor likewise.",
            )
        raise ModelError(f"The folder lacks '{WEIGHTS}'.", "Copy or download the folder again.")

    def preprocessing(self) -> Path:
        """The file that says how pictures are prepared. Raises ModelError."""
        if not is_file(self.path / PREPROCESSING):
            raise ModelError(
                f"The folder lacks '{PREPROCESSING}', which says how its pictures are prepared.",
                "Download it, or save the image processor into the folder: processor.save_pretrained(FOLDER).",
            )
        if "auto_map" in json_object(self.path / PREPROCESSING):
            raise ModelError(
                f"'{PREPROCESSING}' names Python code of its own (auto_map), which is never run.",
                "Use a folder whose image processor is one of transformers' own.",
            )
        return self.path / PREPROCESSING

    def classes(self) -> tuple[ClassInfo, ...]:
        """From id2label, in the order of the channels; names that repeat are told apart by their number."""
        labels = self.config.get("id2label")
        if labels is None:  # transformers leaves out what is its default
            labels = {str(n): f"LABEL_{n}" for n in range(int(self.config.get("num_labels", 2)))}
        try:
            names = {int(key): " ".join(str(value).split()) for key, value in labels.items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise ModelError("'id2label' in config.json is no table of class names.", "Correct it.") from error
        if not names or sorted(names) != list(range(len(names))):
            raise ModelError("The numbers in 'id2label' of config.json do not run from 0 upwards.", "Correct it.")
        lower = [names[n].lower() for n in sorted(names)]
        return tuple(
            ClassInfo(n, names[n] if lower.count(name) == 1 else f"{names[n]} ({n})") for n, name in enumerate(lower)
        )


def located(source) -> Path:
    """The folder of a source: itself, or of the config.json or model.safetensors in it."""
    path = Path(str(source))
    return path.parent if path.name in (CONFIG, WEIGHTS, INDEX, PREPROCESSING) else path


def looks_like_one(source) -> bool:
    """Whether a config.json of transformers is there, whole or damaged."""
    path = located(source)
    if not is_file(path / CONFIG):
        return False
    try:
        return isinstance(json_object(path / CONFIG).get("model_type"), str)
    except ModelError:
        return any(is_file(path / name) for name in (WEIGHTS, INDEX, PREPROCESSING))
