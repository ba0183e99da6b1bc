"""The command ``seghirescam models|init|check|layers|predict|explain|compare|disagree|paint|causes|flip|evaluate|
cohort|stats|figure|report|export|doctor``; one file a command, torch only where it is needed.

Exit codes: 0 done; 1 internal error; 2 user error, told in one sentence with what to do; 3 some questions of a cohort
failed; 130 cancelled by Ctrl-C.  Nothing half-made is left behind in any of them.
"""

from __future__ import annotations

import contextlib
import sys
import traceback

from ..protocol.errors import SegHiResCamError
from ..protocol.privacy import Names


def main(arguments: list[str] | None = None) -> int:
    try:
        from .console import Console
        from .parser import understood
    except ImportError as error:  # of numpy, which is not there or was built for another Python
        return _without_numpy(sys.argv[1:] if arguments is None else arguments, error)
    out, error_out = sys.stdout, sys.stderr
    if hasattr(out, "reconfigure"):  # names of files may be no text; the answer then shows their bytes
        out.reconfigure(errors="backslashreplace")
    options = understood(arguments)
    console = Console(out, error_out, as_json=options.json, quiet=options.quiet)
    try:
        with contextlib.redirect_stdout(error_out):  # what libraries print is no answer
            return options.run(options, console) or 0
    except KeyboardInterrupt:
        console.end_progress()
        print("Cancelled. Nothing was written.", file=error_out)
        return 130
    except SegHiResCamError as error:
        console.end_progress()
        _tell_traceback(options, console)
        console.failed(error)
        return 2
    except Exception as error:
        console.end_progress()
        _tell_traceback(options, console)
        hint = "" if options.debug else " Run it again with --debug for the details, and please report them."
        print(f"Internal error ({type(error).__name__}).{hint}", file=error_out)
        return 1


def _tell_traceback(options, console):
    if options.debug:
        text = traceback.format_exc()
        console.error_out.write(text if console.is_terminal else Names().hide(text))


def _without_numpy(words: list[str], error: ImportError) -> int:
    """The one command that needs nothing but Python; of any other, what to do."""
    if words[:1] == ["doctor"]:
        from ..doctor.__main__ import main as doctor

        return doctor(words[1:])
    told = Names().hide(next(iter(str(error).strip().splitlines()), type(error).__name__))
    print(
        f"Error: The packages that every command needs do not load ({told}). Run: seghirescam doctor", file=sys.stderr
    )
    return 2
