"""A map as a figure, and as a page to be read: bytes of the files, which the client writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...evaluation.metrics.ground import Ground
from ...evaluation.trust.explained_case import frozen
from ...figures.map_figure import Look, Row, draw, save
from ...protocol.recipes import mask_on
from ...protocol.requests import Picture
from ...protocol.resampling import spread
from . import answers

if TYPE_CHECKING:
    from ...protocol.image import Image
    from ...protocol.progress import Tell
    from ...session.interface import Session
    from ..jobs import Jobs

_FILE = "figure.png"


@answers(Picture)
def picture(request: Picture, jobs: Jobs, tell: Tell) -> dict:
    recipe = request.pixel_set("A picture")

    def pixels(session: Session, tell: Tell) -> tuple[Image, np.ndarray]:
        known = frozen(session, recipe, session.model.class_index(request.class_index), tell)
        return session.image, mask_on(session.image.grid, recipe, known)

    (image, mask), _, notes, cost = jobs.measured(request, tell, pixels)
    tell(0.5, "drawing")
    density, facts = spread(*request.map, image.grid), request.facts
    inside = Ground.of(image).evidence(density, mask)
    layer = facts["layer"]
    asked = f"Score: {facts['score_title']}, summed over {facts['pixel_set']}"
    row = Row(
        density, mask, f"{facts['method_title']}: {facts['class_name']}",
        f"{asked}   |   Layer {layer['name']} ({layer['part']})",
        f"{facts['unit']}/{image.grid.volume_unit}", facts["reason"], inside["inside"], inside["chance"],
        inside["chance_over"],
    )  # fmt: skip
    drawn: Any = draw(image, [row], Look(share=request.share or 0.8, signed=bool(request.signed)))
    path = jobs.folder / _FILE
    try:
        save(drawn, path)
        png = path.read_bytes()
    finally:
        path.unlink(missing_ok=True)
    made = {"figure": png}
    if request.page:
        from ...figures.report.one_map import one_map_page
        from ...figures.report.render import html

        made["page"] = html(one_map_page(facts, png, inside)).encode()
    with jobs.writing() as keep:
        files = {name: keep(np.frombuffer(data, np.uint8)) for name, data in made.items()}
    return {"files": files, "notes": notes, "session": cost}
