"""Deletion and insertion curves: one kind stands in a row, two in a square, and every word lies inside."""

import pytest

from seghirescam.evaluation.deletion.deletion_curves import Curve
from seghirescam.evaluation.deletion.gains import Gain
from seghirescam.figures.curve_figure import draw_curves
from seghirescam.protocol.value import Value


def gain(insertion, dice=True):
    fractions, falling = (0.0, 0.1, 0.5, 1.0), (8.0, -10.0, -10.1, -10.2)
    logits = falling[::-1] if insertion else falling
    own = Curve(insertion, "most", fractions, logits, (1.0, 0.0, 0.0, 0.0) if dice else None, 8.0, -10.2)
    random = Curve(insertion, "random", fractions, (8.0, 5.0, 0.0, -10.2), (1.0, 0.9, 0.5, 0.0) if dice else None)
    return Gain(own, (random,) * 5, Value.of(0.5), Value.of(10.4567, "logit"), Value.of(0.4), 0.1, 3.7891, 0.1)


@pytest.mark.parametrize(
    ("kinds", "dice", "rows", "columns"),
    [(("deletion",), True, 1, 2), (("deletion",), False, 1, 1), (("deletion", "insertion"), True, 2, 2)],
)
def test_the_panels_and_words_of_a_figure_of_curves(kinds, dice, rows, columns):
    figure = draw_curves({kind: gain(kind == "insertion", dice) for kind in kinds}, "Seg-HiRes-Grad CAM, lesion")
    places = [axis.get_position() for axis in figure.axes]
    assert (len({round(p.y0, 6) for p in places}), len({round(p.x0, 6) for p in places})) == (rows, columns)
    assert len(places) == rows * columns
    figure.canvas.draw()
    renderer, page = figure.canvas.get_renderer(), figure.bbox
    labels = [part.label for axis in figure.axes for part in (axis.xaxis, axis.yaxis)]
    boxes = [text.get_window_extent(renderer) for text in (*figure.texts, *labels)]
    assert all(b.x0 >= 0 and b.y0 >= 0 and b.x1 <= page.width and b.y1 <= page.height for b in boxes)
    caption = figure.texts[-1].get_window_extent(renderer)
    assert caption.y1 < min(
        label.get_window_extent(renderer).y0 for label in labels if label.get_text()[:7] == "context"
    )
    for kind in kinds:
        assert f"{kind.capitalize()}: gain over random 10.5 logit" in " ".join(figure.texts[-1].get_text().split())
