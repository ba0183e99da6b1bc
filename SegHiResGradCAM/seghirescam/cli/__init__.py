"""The command ``seghirescam models|init|check|layers|predict|explain|compare|disagree|paint|causes|flip|evaluate|
cohort|stats|figure|report|export``; one file a command, torch only where it is needed.

Exit codes: 0 done; 1 internal error; 2 user error, told in one sentence with what to do; 3 some questions of a cohort
failed; 130 cancelled by Ctrl-C.  Nothing half-made is left behind in any of them.
"""

from __future__ import annotations

import contextlib
import sys
import traceback

from ..protocol.errors import SegHiResCamError
from ..protocol.privacy import Names
from .console import Console


def main(arguments: list[str] | None = None) -> int:
    from .parser import understood

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
