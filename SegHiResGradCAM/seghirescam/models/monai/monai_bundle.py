"""MONAI bundles: a folder or .zip with configs/inference.json (or .yaml), configs/metadata.json and models/model.pt.

The configuration is read as data (:mod:`bundle_config`); network, transforms and windows come from MONAI itself, from a
list of its classes.  Where the bundle says more than data, nothing is opened without a yes to exactly this content;
then MONAI's own ConfigParser evaluates it, in a private copy of the bundle (:mod:`bundle_code`).
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ...cam.logits.heads import BINARY, SIGMOID, SOFTMAX
from ...protocol.errors import ModelError
from ...protocol.explanation import ClassInfo
from ..consent import refuse_without
from ..description_words import class_infos
from ..monai_library import requirements
from ..plain import neutral_name
from ..segmentation_model import ModelKind
from ..weights.state import load_state, put_into
from .bundle_config import Component, Parts, base_name, read_as_data
from .bundle_files import METADATA, BundleFiles
from .monai_model import MonaiModel, per_axis
from .monai_parts import (
    build_chain,
    build_network,
    divisor_of,
    fixed_size,
    network_arguments,
    output_channels,
    windows_of,
)

#: how many findings a sentence lists
_SHOWN = 5
#: postprocessing that is the decision itself, or the way back
_NO_CHANGE = ("Activations", "AsDiscrete", "Invert", "SaveImage", "EnsureType")


class _BundleKind(ModelKind):
    """Everything but ``open`` answers from the files alone, without MONAI or torch."""

    name = "monai_bundle"
    title = "MONAI bundle"
    order = 40

    def recognises(self, source) -> bool:
        return not isinstance(source, dict) and BundleFiles.looks_like_one(source)

    def requirements(self, source) -> tuple[str, ...]:
        files, parts = _read(source)
        named = [c.name for c in (parts.network, *(parts.preprocessing or ())) if c is not None]
        reader = () if files.config_name.endswith(".json") else ("pyyaml",)
        return (*requirements(*named), *reader)

    def runs_author_code(self, source) -> str:
        files, parts = _read(source)
        if not parts.findings:
            return ""
        more = len(parts.findings) - _SHOWN
        listed = "; ".join(parts.findings[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        scripts = [name for name in files.names if name.endswith(".py")]
        python = f" It brings {len(scripts)} Python file(s)." if scripts else ""
        return (
            f"Opening the bundle '{files.title}' (SHA-256 {self.consent_hash(source)[:12]}) runs its author's code "
            f"with all your rights: {listed}.{python}"
        )

    def consent_hash(self, source) -> str:
        """SHA-256 over every file of the bundle but the weights, which are only ever read as data."""
        files, parts = _read(source)
        return files.content_hash(without=_weights_name(files, parts, needed=False))

    def files(self, source) -> tuple[Path, ...]:
        files, parts = _read(source)
        if Path(source).is_file() and Path(source).suffix == ".zip":
            return (Path(source),)
        names = [files.config_name, METADATA, _weights_name(files, parts, needed=False)]
        scripts = [name for name in files.names if name.endswith(".py")] if parts.findings else []
        return tuple(files.path / name for name in (*names, *scripts) if name in files.names)

    def classes(self, source) -> tuple[ClassInfo, ...]:
        files, parts = _read(source)
        promised = None if parts.network is None else output_channels(parts.network.arguments)
        return class_infos(_classes(files.metadata(), parts, promised)[0])

    def channels(self, source) -> tuple[str, ...]:
        return _channels(_read(source)[0].metadata())

    def open(self, source, consent: bool | str = False) -> MonaiModel:
        """consent: True, or the SHA-256 that was agreed to. Raises ConsentError, ModelError, DependencyError."""
        files, parts = _read(source)
        if parts.findings:
            refuse_without(consent, self.consent_hash(source), self.runs_author_code(source))
        metadata = files.metadata()
        weights = _weights_name(files, parts, needed=True)
        with files.on_disk(weights) as path:
            state = load_state(path)  # refused weights are refused before any code runs
        if parts.findings:
            from .bundle_code import opened

            built = opened(files, weights, consent)
        else:
            built = _built(parts)
        loading = put_into(built["network"], state, PurePosixPath(weights).name)
        arguments = built.pop("arguments")
        classes, head, notes = _classes(metadata, parts, output_channels(arguments))
        channels = _channels(metadata)
        takes = arguments.get("in_channels")
        if isinstance(takes, int) and not built["chain"] and takes != len(channels):
            raise ModelError(
                f"The bundle's network takes {takes} channel(s), its metadata names {len(channels)}.",
                "Ask the bundle's author.",
            )
        model = MonaiModel(
            **{"in_channels": takes if isinstance(takes, int) else None, **built},
            classes=classes,
            kind=self.name,
            head=head,
            channels=channels,
            notes=(*loading, *notes),
            name=str(metadata.get("name") or ""),
        )
        model.name = model.name or neutral_name(model)
        return model


def _read(source) -> tuple[BundleFiles, Parts]:
    files = BundleFiles(source)
    parts = read_as_data(files.config())
    if parts.faults:
        raise ModelError(
            f"The configuration of the bundle '{files.title}' is faulty: {'; '.join(parts.faults[:_SHOWN])}.",
            "Correct it.",
        )
    return files, parts


def _built(parts: Parts) -> dict:
    """Everything from data: MONAI's classes with plain arguments."""
    network = build_network(parts.network)
    chain, keys = build_chain(parts.preprocessing or ())
    arguments = network_arguments(parts.network)
    dims = arguments.get("spatial_dims", 3)
    fixed = fixed_size(parts.network)
    if dims == 2 and (parts.inferer is None or parts.inferer.name != "SliceInferer"):
        raise ModelError(
            "This 2D bundle prepares single pictures; going through a volume slice by slice is not what it describes.",
            "Describe the network in a *.model.json file (word 'monai') with its own preprocessing.",
        )
    settings = dict(parts.inferer.arguments) if _slides(parts.inferer) else {"roi_size": fixed} if fixed else None
    windows, padding = (None, "constant") if settings is None else windows_of({"spatial_dims": dims, **settings})
    return {
        "network": network, "arguments": arguments, "chain": chain, "keys": keys, "spatial_dims": dims,
        "slice_axis": int((settings or {}).get("spatial_dim", 0)), "windows": windows, "padding": padding,
        "divisors": per_axis(divisor_of(parts.network), dims),
    }  # fmt: skip


def _slides(inferer: Component | None) -> bool:
    return inferer is not None and inferer.name.startswith(("SlidingWindow", "SliceInferer"))


def _weights_name(files, parts, needed):
    """The checkpoint, relative to the bundle; "" or an error if there is none."""
    named = PurePosixPath(parts.weights.replace("\\", "/"))
    wanted = "/".join(part for part in named.parts if part != ".")
    for name in (wanted, "models/model.pt", "models/model.safetensors"):
        if name in files.names:
            return name
    if not needed:
        return ""
    program = next((name for name in files.names if name.endswith((".ts", ".pt2")) and name.startswith("models/")), "")
    if program:
        raise ModelError(
            f"The bundle '{files.title}' has no models/model.pt, only the program '{PurePosixPath(program).name}'.",
            "Open that file itself, or add the weights.",
        )
    raise ModelError(
        f"The bundle '{files.title}' has no weights (models/model.pt).",
        "Bundles in git often hold only a link to them: download the weights into 'models'.",
    )


def _channels(metadata) -> tuple[str, ...]:
    about = _format(metadata, "inputs", "image")
    return tuple(_named(about, "channel"))


def _classes(metadata, parts, outputs: int | None = None):
    """(names, head, notes). outputs: channels the network returns, None if only the metadata say it."""
    about = _format(metadata, "outputs", "pred")
    names = _named(about, "class")
    promised = about.get("num_channels")
    count = outputs if outputs is not None else promised if isinstance(promised, int) and promised > 0 else len(names)
    head = _head(parts.postprocessing, count)
    if head == BINARY and len(names) == 1:
        names = ["background", *names]
    if outputs is not None and len(names) != (2 if head == BINARY else outputs):
        raise ModelError(
            f"The bundle's metadata name {len(names)} classes, its network returns {outputs} channel(s).",
            "Correct network_data_format.outputs in metadata.json.",
        )
    rest = [n for n in (base_name(c.target) for c in parts.postprocessing) if n not in _NO_CHANGE]
    note = f"The bundle's postprocessing ({', '.join(rest)}) is not applied: maps explain the logits."
    return names, head, (note,) if rest else ()


def _format(metadata, side, usual):
    """network_data_format.inputs.image and the like; the only entry if it has another name."""
    found = metadata.get("network_data_format")
    found = found.get(side) if isinstance(found, dict) else None
    if isinstance(found, dict):
        entry = found.get(usual) or (next(iter(found.values())) if len(found) == 1 else None)
        if isinstance(entry, dict):
            return entry
    raise ModelError(
        f"The bundle's metadata.json does not say what the network's {side} are.",
        f"Add network_data_format.{side}.{usual} with num_channels and channel_def.",
    )


def _named(about, what):
    """Names in channel order, unique; channels without a name are numbered."""
    listed = about.get("channel_def")
    listed = {str(k): str(v) for k, v in listed.items()} if isinstance(listed, dict) else {}
    count = about.get("num_channels")
    numbers = [int(k) for k in listed if k.isdecimal() and len(k) < 7]
    count = max([count if isinstance(count, int) else 0, *(n + 1 for n in numbers)])
    if not 0 < count <= 10_000:
        raise ModelError(f"The bundle's metadata name no {what}.", "Add num_channels and channel_def.")
    names, seen = [], set()
    for n in range(count):
        name = listed.get(str(n), f"{what} {n}")
        names.append(name if name.strip().lower() not in seen else f"{name} ({n})")
        seen.add(names[-1].strip().lower())
    return names


def _head(postprocessing, outputs: int) -> str:
    """What the postprocessing does with the logits: exclusive classes unless it says sigmoid."""
    said = {}
    for component in postprocessing:
        if base_name(component.target) in ("Activations", "AsDiscrete"):
            for word, value in component.arguments.items():
                value = value[0] if isinstance(value, list) and value else value
                said[word] = said.get(word) or (value is not None and value is not False)
    exclusive = said.get("argmax") or said.get("softmax")
    independent = (said.get("sigmoid") or said.get("threshold")) and not exclusive
    if outputs == 1:
        return BINARY
    return SIGMOID if independent else SOFTMAX


KIND = _BundleKind()
