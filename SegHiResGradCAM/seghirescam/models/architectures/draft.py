"""A commented model description from weights: what was found, what was stated, what had to be assumed.

Nothing of the author is run or imported.  A word that has a default where it is left out (``head``, ``activation``,
``axes``) and that nobody stated is only shown, behind a #: results then say by themselves that it was assumed.  Other
words that weights do not tell are written, marked ASSUMED, and listed under ``assumed``, so that results say it too.
"""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from ...protocol.errors import ModelError
from ...protocol.untrusted import named, short
from ..preprocessing.preprocessing_chain import needed
from ..preprocessing.preprocessing_words import WORDS, steps_of
from ..weights.tensor_table import TensorTable, table_of
from .convolutions import convolutions
from .draft_lines import FILL_IN, Draft
from .factory_file import Builder, builders, likeliest
from .found import MONAI, Convolutions, Found
from .library_networks import PIP, is_classifier, library_network
from .monai_check import monai_network
from .stated import Stated
from .toml_text import Line

_PADDED = 16


def draft(weights: Path, folder: Path, stem: str, stated: Stated, factory: Path | None = None) -> Draft:
    """folder: of the description to be; stem: of its name.  Raises ModelError for what is no weights file, for words
    that contradict the weights, and for networks that do not segment."""
    table = table_of(weights)
    about = _drafted(weights, folder, stem, stated, factory, table)
    if table.objects:
        names = ", ".join(short(name, 60) for name in table.objects[:3]) + (", ..." if len(table.objects) > 3 else "")
        why = f"It also holds Python objects ({names}), which are never loaded; only its weights are read"
        about.lines = [replace(line, why=why) if line.word == "weights" else line for line in about.lines]
    return about


def _drafted(weights, folder, stem, stated, factory, table: TensorTable) -> Draft:
    convs = convolutions(table)
    if factory is not None:
        return _with_factory(weights, folder, stated, table, convs, factory)
    found = monai_network(table, dict(stated.arguments)) or library_network(table, dict(stated.arguments))
    if found is None and is_classifier(table):
        raise ModelError(
            f"'{named(weights)}' holds the weights of a classification network (its last step is a matrix): one answer "
            "an image, no segments.",
            "Give the weights of a segmentation network.",
        )
    if found is None:
        return _skeleton(weights, folder, stated, convs)
    return _monai(weights, folder, stated, found) if found.library == MONAI else _library(
        weights, folder, stem, stated, found
    )  # fmt: skip


def _monai(weights, folder, stated, found: Found) -> Draft:
    about = Draft(f"MONAI {found.network}", pip="" if found.verified else "'monai>=1.6'")
    sure = (
        f"Found: MONAI's own class {found.network}, built with the arguments below, has exactly the names and shapes "
        "of the weights."
        if found.verified
        else f"Found by names and shapes: {found.network}. MONAI is not installed, so its own class was not asked; "
        "opening will: python -m pip install 'monai>=1.6'"
    )
    about.put("monai", found.network, sure)
    about.put("weights", _relative(weights, folder))
    _names(about, stated, found.out_channels, found.in_channels, "")
    _outputs(about, stated, "xyz", 'MONAI feeds x, y, z, and so is it assumed; "zyx" for slices first')
    size = [96] * found.spatial_dims
    why = "Sliding windows of the training's patch size; without the word the volume goes through in one piece"
    about.put("window", size, why, asleep=True)
    _preprocessing(about, stated, found.spatial_dims, found.in_channels)
    for word, value in found.arguments.items():
        about.argument(word, value, found.assumed.get(word, ""))
    return about


#: examples of steps, see preprocessing_words; 'seghirescam check' finds which fit
_STEPS: dict[int, list] = {
    2: [{"size": [256, 256]}, {"divide": 255}],
    3: [{"orientation": "RAS"}, {"spacing": [1, 1, 1]}, {"percentile_clip": [1, 99]}, {"z_score": "all"}],
}
_AS_TRAINED = (
    "What the training did to its images before the network, step after step; without the word the image goes in as "
    f"it is. Steps: {'; '.join(f'{word} {how}' for word, (_, how) in WORDS.items())}"
)


def _preprocessing(about: Draft, stated: Stated, dims: int, channels: int) -> None:
    """The stated steps, checked, or an example behind a #. Raises ModelError."""
    given = steps_of(stated.words.get("preprocessing"), dims, channels)
    if not given:
        about.put("preprocessing", _STEPS[dims], _AS_TRAINED, asleep=True)
        return
    about.put("preprocessing", list(given), "As stated")
    lacking = [one for one in needed(given) if find_spec(one.partition(">")[0]) is None]
    about.pip = " ".join(dict.fromkeys([*about.pip.split(), *(f"'{one}'" for one in lacking)]))


def _library(weights, folder, stem, stated, found: Found) -> Draft:
    about = Draft(f"{found.library} {found.network}", runs_code=True, pip=f"'{PIP[found.library]}'")
    about.code_name = f"{stem}_network.py"
    about.code = _code(weights, found)
    about.put("factory", about.code_name, f"Found: {found.library}'s {found.network}, by its tensors' names")
    about.put("weights", _relative(weights, folder))
    about.put("requirements", [PIP[found.library]])
    _names(about, stated, found.out_channels, found.in_channels, "")
    about.put("spatial_dims", found.spatial_dims)
    about.put("divisor", stated.words.get("divisor", 32), "Padded to multiples of the encoder's stride")
    if found.output is not None:
        about.put("output", found.output, "The network returns several outputs; this one is the segmentation")
    _outputs(about, stated, "zyx", "Assumed; a 2D network of photos or slices as SimpleITK reads them")
    _normalise(about, stated, found.spatial_dims, found.in_channels)
    about.assumed += [f"factory.{word}" for word in found.assumed]
    about.of_code = [Line(word, found.arguments[word], f"ASSUMED: {why}") for word, why in found.assumed.items()]
    return about


def _code(weights, found: Found):
    call, module = f"smp.{found.network}", "import segmentation_models_pytorch as smp"
    if found.library != "segmentation_models_pytorch":
        call, module = found.network, f"from torchvision.models.segmentation import {found.network}"
    lines = []
    for word, value in found.arguments.items():
        if word in found.assumed:
            lines.append(f"        # ASSUMED: {found.assumed[word]}\n")
        lines.append(f"        {word}={value!r},\n")
    return (
        f'"""Builds the network whose weights are in {named(weights)!r}; written by \'seghirescam init\'."""\n\n'
        f"{module}\n\n\ndef build():\n    return {call}(\n{''.join(lines)}    )\n"
    )


def _with_factory(weights, folder, stated, table: TensorTable, convs: Convolutions | None, factory: Path) -> Draft:
    found = builders(factory)
    listed = ", ".join(one.name for one in found) or "none"
    chosen = next((one for one in found if one.name == stated.function), None) if stated.function else None
    if stated.function and chosen is None:
        raise ModelError(f"'{named(factory)}' defines no '{stated.function}'.", f"It defines: {listed}.")
    chosen = chosen or likeliest(found, table)
    about = Draft(f"{chosen.name if chosen else 'network'} of {named(factory)}", runs_code=True)
    about.functions = [one.name for one in found]
    about.put("factory", _relative(factory, folder))
    if chosen is None:
        about.fill_in.append("function")
        about.put(
            "function", found[0].name if found else "build",
            f"{FILL_IN}: which of these returns the network: {listed}? (Name it here or with --function.)",
        )  # fmt: skip
    elif chosen.name != "build":
        told = "its parts are what the names of the weights begin with" if chosen.is_class else "by its name"
        about.put("function", chosen.name, "As stated" if stated.function else f"Found: {told}")
    about.put("weights", _relative(weights, folder))
    _from_convolutions(about, stated, convs)
    _call(about, stated, chosen, convs)
    return about


def _call(about, stated, chosen: Builder | None, convs):
    if chosen is None:
        return
    counts = (convs.in_channels, convs.out_channels) if convs else (None, None)
    given = {**chosen.channel_arguments(*counts), **stated.arguments}
    if convs is not None and not convs.sure:
        given = {word: value for word, value in given.items() if word in (*chosen.needed, *stated.arguments)}
    unknown = [word for word in stated.arguments if word not in (*chosen.needed, *chosen.optional)]
    if unknown:
        takes = ", ".join((*chosen.needed, *chosen.optional)) or "nothing"
        raise ModelError(f"'{chosen.name}' takes no argument '{unknown[0]}'.", f"It takes: {takes}.")
    for word, value in given.items():
        guessed = word not in stated.arguments
        told = "Found in the weights' shapes, for the argument's name; opening checks it" if guessed else "As stated"
        about.arguments.append(Line(word, value, told))
    for word in chosen.needed:
        if word not in given:
            about.fill_in.append(f"arguments.{word}")
            why = f"{FILL_IN}: {chosen.name} asks for it"
            about.arguments.append(Line(word, 0, why, asleep=True))


def _skeleton(weights, folder, stated, convs: Convolutions | None) -> Draft:
    about = Draft("a network that is not known by its weights", runs_code=True, fill_in=["factory"])
    about.put(
        "factory", "network.py",
        f"{FILL_IN}: a Python file with a function build() that returns the network. With it, 'seghirescam init "
        "WEIGHTS --factory FILE' finds out more. (Or, for a network of MONAI, the words monai and arguments.)",
    )  # fmt: skip
    about.put("weights", _relative(weights, folder))
    _from_convolutions(about, stated, convs)
    return about


def _from_convolutions(about, stated, convs: Convolutions | None) -> None:
    dims = convs.spatial_dims if convs else 3
    told = ""
    if convs:
        told = f"Read off '{convs.first}' (input) and '{convs.last}' (output)"
        told += "" if convs.sure else ", whose places in the network their names suggest; compare with the code"
    outputs = convs.out_channels if convs else 2
    inputs = convs.in_channels if convs else 1
    if convs is None or not convs.sure:  # then what is stated counts
        one = stated.words.get("head") == "binary"
        outputs = (1 if one else len(stated.classes)) if stated.classes and outputs != 1 else outputs
        inputs = len(stated.channels) or inputs
        if not stated.channels:
            about.assumed.append("channels")
    _names(about, stated, outputs, inputs, told)
    about.put("spatial_dims", dims, f"The convolutions have {dims} dimensions" if convs else "", assumed=convs is None)
    if "divisor" in stated.words:
        about.put("divisor", stated.words["divisor"])
    else:
        why = (
            f"Assumed: up to four halvings, so sizes are padded to multiples of {_PADDED} (results say where they were)"
        )
        about.put("divisor", _PADDED, why)
    _outputs(about, stated, "zyx", 'Assumed: slices first, as SimpleITK reads; "xyz" as MONAI, TorchIO and nibabel do')
    _normalise(about, stated, dims, inputs)


def _names(about, stated, outputs: int, inputs: int, told: str) -> None:
    head = stated.words.get("head")
    binary = outputs == 1 and head in (None, "binary")
    if stated.classes:
        allowed = (1, 2) if binary and head == "binary" else (2,) if binary else (outputs,)
        if len(stated.classes) not in allowed:
            count = "two names, background first, for its one channel" if binary else f"{outputs} names"
            raise ModelError(
                f"The network returns {outputs} channel(s), and {len(stated.classes)} class(es) were named.",
                f"Give {count}{f'. {told}' if told else ''}.",
            )
        about.put("classes", list(stated.classes), f"As stated. {told}".strip())
    else:
        names = ["background", "object"] if binary else ["background", *(f"class {n}" for n in range(1, outputs))]
        names = [f"class {n}" for n in range(outputs)] if head == "sigmoid" else names
        what = "one output channel: two names, background first" if binary else f"{outputs} output channels, in order"
        about.put("classes", names, f"the names ({what}). {told}".strip(), assumed=True)
    if stated.channels and len(stated.channels) != inputs:
        raise ModelError(
            f"The network takes {inputs} channel(s), and {len(stated.channels)} were named.", "Name each one, in order."
        )
    usual = {1: ["image"], 3: ["red", "green", "blue"]}.get(inputs, [f"image {n + 1}" for n in range(inputs)])
    usual = ["image 1", "image 2", "image 3"] if inputs == 3 and _is_3d(about) else usual
    why = f"{inputs} input channel(s), in the order of the training; their names are yours"
    if stated.channels or inputs == 1:
        about.put("channels", list(stated.channels) or usual, "As stated" if stated.channels else why)
    else:
        why = f"ASSUMED: names and order of the {inputs} input channels"
        about.put("channels", usual, why)
        about.assumed += [] if "channels" in about.assumed else ["channels"]


def _is_3d(about):
    return any(line.word == "monai" for line in about.lines)


_WORDS = (
    ("head", "softmax", 'Left out: read from the network once it has run. "sigmoid": independent classes'),
    ("activation", "none", 'What the network itself applies last; left out: read from its last step ("sigmoid", ...)'),
)


def _outputs(about, stated, order: str, why: str) -> None:
    for word, value, told in (*_WORDS, ("axes", order, why)):
        given = stated.words.get(word)
        about.put(word, value if given is None else given, told if given is None else "As stated", asleep=given is None)
    for word in ("output", "name"):
        if word in stated.words and not any(line.word == word for line in about.lines):
            about.put(word, stated.words[word], "As stated")


def _normalise(about, stated, dims: int, channels: int) -> None:
    _preprocessing(about, stated, dims, channels)
    given = stated.words.get("normalise")
    why = "A function of the Python file, array to array, called after those steps"
    about.put("normalise", given or "normalise", "As stated" if given else why, asleep=given is None)


def _relative(path: Path, folder: Path) -> str:
    """As the description names it: from its own folder."""
    try:
        return Path(os.path.relpath(os.path.realpath(path), os.path.realpath(folder))).as_posix()
    except ValueError:  # another drive
        return Path(os.path.realpath(path)).as_posix()
