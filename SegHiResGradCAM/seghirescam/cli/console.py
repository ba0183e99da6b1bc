"""What the commands say: the answer on stdout (text, or one JSON object), everything else on stderr."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..protocol.errors import SegHiResCamError
from ..protocol.messages import line
from ..protocol.privacy import Names

_WIDTH = 30
#: between two drawings of the bar
_TELL_SECONDS = 0.1


class Console:
    """quiet: no progress, no notes.  The bar is drawn only where stderr is a terminal."""

    def __init__(self, out, error_out, *, as_json: bool = False, quiet: bool = False):
        self.out, self.error_out, self.as_json, self.quiet = out, error_out, as_json, quiet
        #: a user's own terminal may show paths; what goes into a file may be passed on
        self.is_terminal = hasattr(error_out, "isatty") and error_out.isatty()
        self._drawing = not quiet and self.is_terminal
        self._drawn, self._shown, self._phase, self._fraction = 0.0, 0, "", 0.0

    def progress(self, fraction: float, phase: str) -> None:
        """A progress function for the engine; never falls back within one command."""
        self._fraction = max(self._fraction, fraction)
        now = time.monotonic()
        if not self._drawing or (phase == self._phase and now - self._drawn < _TELL_SECONDS):
            return
        self._drawn, self._phase = now, phase
        filled = int(_WIDTH * self._fraction)
        text = f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {100 * self._fraction:3.0f} %  {phase}"
        self.error_out.write("\r" + text.ljust(self._shown))
        self.error_out.flush()
        self._shown = len(text)

    def end_progress(self) -> None:
        """Wipe the bar, so that what follows starts on a line of its own."""
        if self._shown:
            self.error_out.write("\r" + " " * self._shown + "\r")
            self.error_out.flush()
        self._shown, self._fraction = 0, 0.0

    def note(self, text: str) -> None:
        if not self.quiet:
            self.end_progress()
            print(f"Note: {text}", file=self.error_out)

    def answer(self, data: dict, text: str) -> None:
        """The command's one answer: ``data`` with --json, else ``text``."""
        self.end_progress()
        self.out.write(line(data).decode("ascii") if self.as_json else text + "\n")
        self.out.flush()

    def failed(self, error: SegHiResCamError) -> None:
        """Sentence and hint on stderr; with --json the same as an object on stdout."""
        names = Names()
        text = f"{error.sentence} {error.hint}".strip()
        print(f"Error: {text if self.is_terminal else names.hide(text)}", file=self.error_out)
        if self.as_json:
            self.answer({"error": names.hide_in(error.to_json())}, "")


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns aligned by spaces; the first row holds the headings."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)
