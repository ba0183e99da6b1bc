"""The description beside a program file: everything a program does not say about itself, as data.

``<name>.model.toml`` or ``<name>.model.json`` (or ``model.json``) next to ``<name>.pt2`` / ``<name>.ts``, or
``model.json`` among the file's own extra files.  All words may be left out::

    {"name": "liver", "classes": ["background", "liver"], "channels": ["CT"], "spatial_dims": 3, "head": "softmax",
     "orientation": "RAS", "spacing_mm": 1.5, "intensity": {"range": [-100, 300]},
     "window": {"size": [96, 96, 96], "overlap": 0.25, "mode": "gaussian"}, "divisor": 16}

``head``, ``activation``, ``axes``, ``output``: :mod:`description_words`.
``orientation``: "RAS" turns the image, null keeps its
axes.  ``spacing_mm``: cubes of that size, null keeps the voxels.  ``intensity``: "none", "zscore" (each channel),
"zscore_nonzero" (of and to the voxels that are not 0), or {"range": [a, b]}, which maps a..b to 0..1 and clips; a list
gives one for each channel.  ``window``: in voxels along the program's axes (K, J, I, or x, y, z with "axes": "xyz"), as
MONAI's sliding windows; ``mode`` "constant" or "gaussian".  ``divisor``: sizes the program accepts.

``preprocessing``: the steps of :mod:`preprocessing_words`, instead of ``orientation``, ``spacing_mm`` and
``intensity``.

MONAI's ``metadata.json`` (``save_net_with_metadata``, bundles) is understood too; of it only known words are taken.
A file that holds one is fed x, y, z, as MONAI does, unless ``axes`` says otherwise, also in a description beside it.
Standard library only.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields, replace
from pathlib import Path

from ...protocol.errors import ModelError
from ...protocol.untrusted import content, is_file, json_value, named
from ...protocol.untrusted import member as bounded_member
from ..descriptions.description_file import SUFFIXES, located, parsed
from ..descriptions.word_checks import checked, refuse_unknown_words
from ..descriptions.word_checks import seen as _seen
from ..preprocessing.preprocessing_words import Step, steps_of

NONE, ZSCORE, ZSCORE_NONZERO, RANGE = "none", "zscore", "zscore_nonzero", "range"
_NO_WORDS = {"found", "by_monai"}
_HINT = "Correct the description; seghirescam/models/programs/program_description.py shows one."


@dataclass(frozen=True)
class WindowWords:
    """size: voxels along the program's axes, 3 or, for a 2D program, 2."""

    size: tuple[int, ...]
    overlap: float = 0.25
    mode: str = "constant"


@dataclass(frozen=True)
class Sidecar:
    """A checked description; None where it says nothing. found: whether there was one, and where.  by_monai: the file
    holds MONAI's metadata."""

    name: str = ""
    classes: tuple[str, ...] | None = None
    channels: tuple[str, ...] | None = None
    spatial_dims: int | None = None
    head: str | None = None
    activation: str | None = None
    axes: str | None = None
    output: int | str | None = None
    orientation: str | None = None
    spacing_mm: float | None = None
    intensity: tuple = (NONE,)
    preprocessing: tuple[Step, ...] = ()
    window: WindowWords | None = None
    divisor: int | None = None
    assumed: tuple[str, ...] = ()
    found: str = ""
    by_monai: bool = False

    @staticmethod
    def of(program: Path, archive: zipfile.ZipFile | None = None) -> Sidecar:
        """The description of a program file. Raises ModelError for one that cannot be read or understood."""
        extra = _extra(archive)
        return replace(_told(program, extra), by_monai=_by_monai(extra))


#: all that a description beside a program may hold
WORDS = frozenset(f.name for f in fields(Sidecar)) - _NO_WORDS


def _told(program, extra):
    for path in files(program):
        return understood(parsed(content(path), named(path)), named(path))
    if "model.json" in extra:
        return understood(parsed(extra["model.json"], "model.json"), "model.json inside the file")
    if "metadata.json" in extra:
        return _from_metadata(parsed(extra["metadata.json"], "metadata.json"))
    return Sidecar()


def _by_monai(extra):
    """Whether MONAI wrote the program: its versions (save_net_with_metadata, ckpt_export) or a bundle's words."""
    try:
        data = json_value(extra.get("metadata.json", b"{}"))
    except ValueError:
        return False
    return isinstance(data, dict) and bool({"MONAI", "monai_version", "network_data_format"} & data.keys())


def files(program: Path) -> tuple[Path, ...]:
    """Description files beside a program, the one that counts first."""
    beside = (*(program.with_name(program.stem + suffix) for suffix in SUFFIXES), program.with_name("model.json"))
    return tuple(path for path in beside if is_file(path))


def understood(data: dict, found: str) -> Sidecar:
    """Raises ModelError naming the words that are unknown or have a wrong value."""
    with located(data):
        return replace(_understood(data), found=found)


def _understood(data):
    refuse_unknown_words(data, WORDS)
    values = checked({word: data[word] for word in WORDS if data.get(word) is not None}, ("classes", "channels"))
    _one_of(values, "orientation", ("RAS",))
    if "divisor" in values and not _whole(values["divisor"]):
        raise ModelError(
            f"The description's divisor {_seen(values['divisor'])} is no positive whole number.", _HINT, word="divisor"
        )
    if "spacing_mm" in values:
        values["spacing_mm"] = _number(values["spacing_mm"], "spacing_mm")
        if values["spacing_mm"] <= 0:
            raise ModelError("The description's spacing_mm must be positive.", _HINT, word="spacing_mm")
    if "intensity" in values:
        values["intensity"] = _intensities(values["intensity"])
    if "preprocessing" in values:
        _refuse_both(values)
        channels = len(values.get("channels", ())) or None
        values["preprocessing"] = steps_of(values["preprocessing"], values.get("spatial_dims"), channels)
    if "window" in values:
        values["window"] = _window(values["window"])
    return Sidecar(**values)


def _refuse_both(values):
    both = [word for word in ("orientation", "spacing_mm", "intensity") if word in values]
    if both:
        raise ModelError(
            f"The description says how images are prepared in two ways (preprocessing and {', '.join(both)}).",
            "Write all of it as steps of preprocessing.",
            word="preprocessing",
        )


def _one_of(values, word, allowed):
    if word in values and values[word] not in allowed:
        known = ", ".join(repr(a) for a in allowed)
        raise ModelError(f"The description's {word} {_seen(values[word])} is unknown.", f"Known: {known}.", word=word)


def _whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31


def _number(value, word):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
        raise ModelError(f"The description's {word} {_seen(value)} is no number.", _HINT, word=word.partition(" ")[0])
    return float(value)


def _intensities(value):
    """One checked entry for all channels, or one for each: a word, or ("range", a, b)."""
    entries = value if isinstance(value, list) else [value]
    checked = []
    for entry in entries:
        if entry in (NONE, ZSCORE, ZSCORE_NONZERO):
            checked.append(entry)
            continue
        bounds = entry.get(RANGE) if isinstance(entry, dict) and len(entry) == 1 else None
        if not isinstance(bounds, list) or len(bounds) != 2:
            raise ModelError(
                f"The description's intensity {_seen(entry)} is unknown.",
                f'Known: "{NONE}", "{ZSCORE}", "{ZSCORE_NONZERO}", {{"{RANGE}": [a, b]}}.',
                word="intensity",
            )
        low, high = (_number(bound, "intensity range") for bound in bounds)
        if not low < high:
            raise ModelError(
                f"The description's intensity range {bounds} is empty.",
                "Give the smaller value first.",
                word="intensity",
            )
        checked.append((RANGE, low, high))
    if not checked:
        raise ModelError("The description's intensity is an empty list.", _HINT, word="intensity")
    return tuple(checked)


def _window(value):
    known = {"size", "overlap", "mode"}
    if not isinstance(value, dict) or not {"size"} <= set(value) <= known:
        raise ModelError(
            "The description's window must hold size, and may hold overlap and mode.", _HINT, word="window"
        )
    size = value["size"]
    if not isinstance(size, list) or len(size) not in (2, 3) or not all(_whole(n) for n in size):
        raise ModelError(
            f"The description's window size {_seen(size)} is no list of 2 or 3 whole numbers.", _HINT, word="window"
        )
    overlap = _number(value.get("overlap", 0.25), "window overlap")
    if not 0 <= overlap < 1:
        raise ModelError(f"The description's window overlap {overlap} is not in [0, 1).", _HINT, word="window")
    _one_of(value, "mode", ("constant", "gaussian"))
    return WindowWords(tuple(size), overlap, value.get("mode", "constant"))


def _from_metadata(data):
    """Own words at the top of MONAI's metadata, else what a bundle's network_data_format says."""
    told = understood({word: value for word, value in data.items() if word in WORDS}, "metadata.json inside the file")
    try:
        formats = data.get("network_data_format", {})
        image, pred = formats["inputs"]["image"], formats["outputs"]["pred"]
        image, pred = image.get("channel_def"), pred.get("channel_def")
    except (KeyError, TypeError, AttributeError):
        return told
    return replace(told, classes=told.classes or _numbered(pred), channels=told.channels or _numbered(image))


def _numbered(table):
    """Names in the order of their numbers, or None unless the numbers are 0, 1, ... without a gap."""
    try:
        ordered = sorted((int(number), str(name)) for number, name in table.items())
    except (AttributeError, ValueError):
        return None
    names = tuple(name for _, name in ordered)
    whole = [number for number, _ in ordered] == list(range(len(ordered)))
    return names if whole and len({n.lower() for n in names}) == len(names) > 0 else None


def _extra(archive):
    """name -> bytes of the extra files torch.export.save and torch.jit.save write."""
    wanted = ("model.json", "metadata.json")
    names = () if archive is None else archive.namelist()
    found = {}
    for member in names:
        folder, _, name = member.rpartition("/")
        if name in wanted and folder.rpartition("/")[2] == "extra":
            try:
                found[name] = bounded_member(archive, member)
            except zipfile.BadZipFile as error:
                raise ModelError(f"'{name}' in the file is damaged or too large.", "Save the file again.") from error
    return found
