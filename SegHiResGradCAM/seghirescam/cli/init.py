"""From weights to a model description: what their tensors tell, found without running anything."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ..models.description_words import XYZ, ZYX
from ..models.descriptions.description_file import TOML as SUFFIX
from ..models.known_kinds import recognising
from ..protocol.untrusted import named, refuse_odd
from ..protocol.writing.claims import OutputError
from ..protocol.writing.new_files import refuse_existing, write_new

HELP = "Write a commented model description from weights alone, or with the Python file that builds the network."
MORE = """Reads the names and shapes of the weights' tensors and, with --factory, the text of a Python file; nothing is
run or imported of either. Networks of MONAI are recognised and asked for key by key; for those of
segmentation_models_pytorch and torchvision the Python file is written, too. What weights do not tell is asked on a
terminal, or taken from the options below, or marked ASSUMED in the description and said with every result. A
description that is there is never replaced: correct it by hand."""
EXAMPLE = "seghirescam init unet.pth --factory net.py --classes background,tumour"
_ELSEWHERE = "Move it away, or name another file with --out."


#: of the options that are a step each
_SHORT = "the same as --preprocessing {word}=...; steps are applied in the order in which they are typed"


class _Step(argparse.Action):
    """Gathers the steps of all its options in the order of the command line."""

    def __call__(self, parser, namespace, text, option_string=None):
        word = option_string.removeprefix("--")
        text = text if word == self.dest else f"{word}={text}"
        setattr(namespace, self.dest, [*(getattr(namespace, self.dest) or []), text])


def add_arguments(parser) -> None:
    parser.add_argument("weights", metavar="WEIGHTS", help="a file of weights: .pt, .pth, .ckpt or .safetensors")
    parser.add_argument(
        "--factory", type=Path, metavar="FILE", help="the Python file that builds the network; read only"
    )
    parser.add_argument("--function", metavar="NAME", default="", help="the function or class in it (build, or found)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help=f"the description (default: WEIGHTS' name with {SUFFIX})"
    )
    said = parser.add_argument_group("what weights do not tell")
    said.add_argument(
        "--classes", metavar="NAME,NAME", help="the output's channels in their order, background included"
    )
    said.add_argument("--channels", metavar="NAME,NAME", help="the input's channels in their order")
    said.add_argument("--head", choices=("softmax", "sigmoid", "binary"), help="how classes are decided")
    said.add_argument(
        "--activation", choices=("none", "sigmoid", "softmax"), help="what the network itself applies last"
    )
    said.add_argument("--axes", choices=(ZYX, XYZ), help="the order in which the network is fed a volume")
    said.add_argument("--output", metavar="PLACE", help="which of several outputs holds the logits: 0, 1, ... or a key")
    said.add_argument("--divisor", type=int, metavar="N", help="image sizes are padded to multiples of it")
    said.add_argument(
        "--normalise", metavar="NAME", help="a function of the Python file: what is done to the image first"
    )
    said.add_argument(
        "--preprocessing", action=_Step, metavar="STEP=VALUE",
        help="a step the training did before the network, in the description's words: z_score=all, "
        "percentile_clip=2,98, intensity_window=-160,240; or its own JSON; may be repeated",
    )  # fmt: skip
    for word, how in (("orientation", "RAS"), ("spacing", "MM,MM,MM"), ("size", "X,Y,Z")):
        said.add_argument(f"--{word}", action=_Step, dest="preprocessing", metavar=how, help=_SHORT.format(word=word))
    said.add_argument("--name", help="what results call the model")
    said.add_argument(
        "--argument", action="append", default=[], metavar="NAME=VALUE",
        help="an argument of the network's constructor, as JSON: strides=[2,2,1]; may be repeated",
    )  # fmt: skip
    said.add_argument("--no-questions", action="store_true", help="ask nothing, also on a terminal")


def run(options, console) -> int:
    from ..models.architectures.checked_draft import check_draft, drafted, place_beside

    refuse_odd(options.weights)
    weights = Path(options.weights)
    if (kind := recognising(options.weights)) is not None:
        told = f"'{named(weights)}' is a model already ({kind.title}): nothing has to be written. Give it as it is."
        console.answer({"model": kind.name, "written": []}, told)
        return 0
    out = options.out or place_beside(weights)
    if not out.name.endswith(SUFFIX):
        raise OutputError(f"'{out.name}' does not end in {SUFFIX}.", "Choose such a name for --out.")
    stated = _stated(options)
    refuse_existing(out.parent, [out.name], _ELSEWHERE)
    found = drafted(weights, out, stated, options.factory)
    if _on_terminal(options):
        found = drafted(weights, out, _asked(found, stated), options.factory)
    check_draft(found, weights, options.factory)
    write_new(out.parent, found.files(out.name), _ELSEWHERE)
    _tell(found, out, console)
    return 0


def _stated(options):
    from ..models.architectures.stated import Stated, typed_steps

    words = {w: getattr(options, w) for w in ("head", "activation", "axes", "divisor", "normalise", "name")}
    if options.output is not None:
        words["output"] = int(options.output) if options.output.isdigit() else options.output
    if options.preprocessing:
        words["preprocessing"] = typed_steps(options.preprocessing)
    return Stated.typed(options.classes, options.channels, words, options.argument, options.function)


def _on_terminal(options):
    return not (options.no_questions or options.json or options.quiet) and sys.stdin.isatty() and sys.stderr.isatty()


def _asked(found, stated):
    """What the user says to each assumed word; Enter leaves it assumed."""
    from ..models.architectures.stated import Stated, listed, typed_steps, typed_value
    from ..models.preprocessing.preprocessing_words import WORDS

    said = {"classes": stated.classes, "channels": stated.channels}
    words, arguments = dict(stated.words), dict(stated.arguments)
    print(f"Found: {found.network}. Enter leaves what is shown in brackets assumed.", file=sys.stderr)
    for line in (*found.lines, *found.arguments, *found.of_code):
        if not line.why.startswith(("ASSUMED", "FILL IN")) or line.word in ("factory", "function"):
            continue
        answer = input(f"{line.why}\n  {line.word} [{json.dumps(line.value)}]: ").strip()
        if not answer:
            continue
        if line.word in said:
            said[line.word] = listed(answer)
        elif line in (*found.arguments, *found.of_code):
            arguments[line.word] = typed_value(answer)
        else:
            words[line.word] = typed_value(answer)
    if "preprocessing" not in words:
        print(f"Steps before the network, as z_score=all spacing=1,1,1 ({', '.join(WORDS)})", file=sys.stderr)
        if answer := input("  preprocessing [none]: ").split():
            words["preprocessing"] = typed_steps(answer)
    return Stated(said["classes"], said["channels"], words, arguments, stated.function)


def _tell(found, out, console):
    written = [out.name, *([found.code_name] if found.code else [])]
    lines = [f"Found: {found.network}.", f"Written: {' and '.join(written)}."]
    if found.fill_in:
        lines.append(f"To be filled in there: {', '.join(found.fill_in)}.")
    if found.assumed:
        lines.append(f"Assumed, see the comments there: {', '.join(found.assumed)}.")
    if found.pip:
        lines.append(f"Opening it needs: python -m pip install {found.pip}")
    consent = " --consent" if found.runs_code else ""
    lines.append(f"Next: seghirescam explain {_quoted(out)} --image IMAGE --class NAME --out FOLDER{consent}")
    data = {
        "network": found.network, "written": written, "assumed": found.assumed, "fill_in": found.fill_in,
        "runs_code": found.runs_code, "pip": found.pip,
    }  # fmt: skip
    console.answer(data, "\n".join(lines))


def _quoted(path):
    import shlex

    return shlex.quote(path.name if path.parent == Path() else str(path))
