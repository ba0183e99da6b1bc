"""Maps as .npy on their own grids, facts as JSON, and what the session kept."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...protocol.display.map_grids import map_grid
from ...protocol.grid import Grid
from ...protocol.messages import layer_to_json
from ...protocol.requests import Explain
from ..results import shown_to_json, written
from . import answers
from .estimate import estimated

if TYPE_CHECKING:
    from ...protocol.errors import SegHiResCamError
    from ...protocol.explanation import Explanation
    from ...protocol.progress import Tell
    from ...session.interface import Session
    from ..jobs import Jobs


@answers(Explain)
def explain(request: Explain, jobs: Jobs, tell: Tell) -> dict:
    expected: dict = {}
    empty: dict[int, str] = {}

    def refused(place: int, error: SegHiResCamError) -> None:
        empty[place] = error.sentence

    def ask(session: Session, tell: Tell) -> list[Explanation]:
        expected.update(estimated(session, request))
        started, before = time.perf_counter(), session.forward_calls
        many = len(request.pixel_sets) > 1
        # one pixel set: the other levels of the same backward pass cost nothing, and the layer is a choice of display
        found = session.ask(
            request.pixel_sets, **request.words, downstream=not many,
            progress=_with_estimate(tell, expected), refused=refused if many else None,
        )  # fmt: skip
        jobs.pace.note(found, time.perf_counter() - started, session.forward_calls - before)
        return found

    found, session, notes, cost = jobs.measured(request, tell, ask)
    with jobs.writing() as save:
        told, shown = written(found, notes, save), None
        if request.show:
            tell(1.0, "placing the map")
            one = next((x for x in found if x.layer.name == request.show.layer), found[0])
            target = map_grid(request.show.on, one.grid, Grid.from_json(request.image["grid"]))
            shown = {"layer": one.layer.name} | shown_to_json(one.map, one.grid, one.unit, target, save)
    return {
        "explanations": told,
        "left_out": [{"pixel_set": place, "reason": reason} for place, reason in sorted(empty.items())],
        "shown": shown,
        "layers": [layer_to_json(layer) for layer in session.layers()],
        "session": cost | {"estimate": expected},
    }


def _with_estimate(tell: Tell, expected: dict) -> Tell:
    """Progress whose phases name what the whole question takes."""
    if expected.get("of_windows", 1) == 1 and expected.get("forward_passes", 1) == 1:
        return tell
    text = (
        f"{expected['windows']} of {expected['of_windows']} windows, {expected['forward_passes']} passes, "
        f"{expected['window_bytes'] / 2**30:.2g} GiB each"
    )
    return lambda fraction, phase: tell(fraction, f"{phase} ({text})")
