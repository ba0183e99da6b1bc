"""Maps as .npy on their own grids, facts as JSON, and what the session kept."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...protocol.display.map_grids import LAYER, map_grid
from ...protocol.grid import Grid
from ...protocol.messages import layer_to_json
from ...protocol.requests import Explain
from ..results import shown_to_json, written
from . import answers
from .estimate import estimated

if TYPE_CHECKING:
    from ...protocol.arrays import Save
    from ...protocol.errors import SegHiResCamError
    from ...protocol.explanation import Explanation
    from ...protocol.progress import Tell
    from ...session.interface import Session
    from ..jobs import Jobs

#: of the maps of several pixel sets as they are shown, together
MOST_SHOWN_BYTES = 2**30


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
    asked = [place for place in range(len(request.pixel_sets)) if place not in empty]
    with jobs.writing() as save:
        told, on = written(found, notes, save), None
        shown: dict | list[dict] | None = None
        if request.show:
            tell(1.0, "placing the map")
            image = Grid.from_json(request.image["grid"])
            if len(request.pixel_sets) > 1:
                on = _grid_for_all(found, request.show.on, image)
                shown = each = []
                for one in found:
                    tell(1.0, "placing the maps")
                    each.append(_shown(one, map_grid(on, one.grid, image), save))
            else:
                one = next((x for x in found if x.layer.name == request.show.layer), found[0])
                shown = _shown(one, map_grid(request.show.on, one.grid, image), save)
    return {
        "explanations": told,
        # they are ordered by pixel set, of each as many
        "places": [asked[n * len(asked) // len(found)] for n in range(len(found))],
        "left_out": [{"pixel_set": place, "reason": reason} for place, reason in sorted(empty.items())],
        "shown": shown,
        "on": on,
        "layers": [layer_to_json(layer) for layer in session.layers()],
        "session": cost | {"estimate": expected},
    }


def _shown(one: Explanation, target: Grid | None, save: Save) -> dict:
    return {"layer": one.layer.name} | shown_to_json(one.map, one.grid, one.unit, target, save)


def _grid_for_all(found: Sequence[Explanation], wanted: str, image: Grid) -> str:
    """The grid on which all maps are shown: the wanted one, or their own cells where they would take too much."""
    targets = [map_grid(wanted, one.grid, image) or one.grid for one in found]
    need = sum(4 * math.prod(target.shape) for target in targets)
    return wanted if need <= MOST_SHOWN_BYTES else LAYER


def _with_estimate(tell: Tell, expected: dict) -> Tell:
    """Progress whose phases name what the whole question takes."""
    if expected.get("of_windows", 1) == 1 and expected.get("forward_passes", 1) == 1:
        return tell
    text = (
        f"{expected['windows']} of {expected['of_windows']} windows, {expected['forward_passes']} passes, "
        f"{expected['window_bytes'] / 2**30:.2g} GiB each"
    )
    return lambda fraction, phase: tell(fraction, f"{phase} ({text})")
