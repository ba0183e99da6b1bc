"""The commands' words and help texts; standard library only."""

from __future__ import annotations

import argparse
import sys

from .. import __version__
from ..demo.words import image_path, labels_path
from . import check, compare, evaluate, explain, figure, init, layers, models, paint, predict
from .cohorts import cohort, stats
from .computer import doctor
from .dicom import export
from .interventions import causes, flip
from .reports import report
from .two_models import disagree

COMMANDS = (
    *(models, init, check, layers, predict, explain, compare, disagree, paint, causes, flip, evaluate, cohort),
    *(stats, figure, report, export, doctor),
)
#: options that name volumes, and those that name label maps: there the shipped case may stand as a word
_IMAGES, _LABELS = ("image", "image_b", "other"), ("segment", "reference", "labels", "region", "within")
SHELLS = ("bash", "zsh", "tcsh")


class _Parser(argparse.ArgumentParser):
    """One sentence and a hint instead of the whole usage."""

    def error(self, message):
        sys.stderr.write(f"Error: {message[:1].upper()}{message[1:]}. Try: {self.prog} --help\n")
        raise SystemExit(2)


def build() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="seghirescam",
        description="Why did a segmentation network draw that segment? Seg-HiRes-Grad CAM in millimetres.",
        epilog="Research software, not for diagnosis. Nothing is sent or downloaded. 'seghirescam COMMAND --help' "
        "explains a command by an example.",
    )
    parser.add_argument("--version", action="version", version=f"seghirescam {__version__}")
    parser.add_argument(
        "--print-completion", action=_Completion, choices=SHELLS,
        help="print a script that completes this command's words in your shell, and stop (needs shtab)",
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in COMMANDS:
        name = module.__name__.rpartition(".")[2]
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.HELP + "\n\n" + module.MORE if module.MORE else module.HELP,
            epilog=f"example:\n  {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_arguments(command)
        talking = command.add_argument_group("output")
        talking.add_argument("--json", action="store_true", help="print one JSON object to stdout and nothing else")
        talking.add_argument("--quiet", action="store_true", help="no progress bar, no notes")
        talking.add_argument("--debug", action="store_true", help="on failure print the traceback, too")
        command.set_defaults(run=module.run)
    return parser


class _Completion(argparse.Action):
    """Loads shtab only where it is asked for."""

    def __call__(self, parser, namespace, shell, option_string=None):
        try:
            import shtab
        except ImportError:
            parser.error("shell completion needs the package shtab: python -m pip install shtab")
        sys.stdout.write(shtab.complete(parser, shell=shell))
        parser.exit()


def understood(arguments: list[str] | None) -> argparse.Namespace:
    """Raises SystemExit(2) for arguments that cannot be understood, after saying so on stderr."""
    options = build().parse_args(arguments)
    for names, path in ((_IMAGES, image_path), (_LABELS, labels_path)):
        for name in names:
            value = getattr(options, name, None)
            if isinstance(value, str):
                setattr(options, name, path(value))
            elif isinstance(value, list):
                setattr(options, name, [path(one) if isinstance(one, str) else one for one in value])
    return options
