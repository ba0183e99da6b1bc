"""A report's parts: the rule of what is odd, numbers as they are read, and small pictures whose pixels are known."""

import io

import numpy as np
import pytest

from seghirescam.figures.report.odd import Judged, Structure, order, told
from seghirescam.figures.report.page import NOTHING, number
from seghirescam.figures.report.render import html
from seghirescam.figures.report.small_slices import small_slices
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image

PLAIN = Judged(inside=0.2, lift=5.0, dice=0.8)
ODD = [
    (Judged(failed=True, sentence="No image."), ["Failed: No image."]),
    (Judged(status="empty_pixel_set", reason="M is empty."), ["No map that counts (empty pixel set): M is empty."]),
    (Judged(verdict="not supported by the model", lift=3.0), ["Verdict: not supported by the model"]),
    (
        Judged(inside=0.1, lift=2.0, others=(Structure("ruler", 0.05, 2.1), Structure("bed", 0.3, 1.9))),
        ["Evidence elsewhere: 'ruler' holds 5 % of it (lift 2.1x, the pixel set 2x)"],
    ),
    (
        Judged(inside=0.004, lift=0.99, dice=0.49),
        ["Less than by chance: 0.4 % of the evidence in the pixel set, lift 0.99x", "Low Dice: 0.49"],
    ),
    (Judged(lift=1.0, dice=0.499999), ["Low Dice: 0.5"]),
]


@pytest.mark.parametrize(("judged", "words"), ODD)
def test_what_is_odd_is_told_in_words(judged, words):
    assert [text for _, text in judged.oddities] == words


@pytest.mark.parametrize(
    "judged",
    [
        PLAIN,
        Judged(lift=1.0, dice=0.5),
        Judged(verdict="not judged"),
        Judged(verdict="supported", lift=None),
        Judged(lift=2.0, others=(Structure("a voxel", 0.0499, 90.0), Structure("as much", 0.5, 2.0))),
        Judged(lift=None, others=(Structure("bed", 0.9, 9.0),)),
    ],
)
def test_what_lies_on_the_line_or_was_not_measured_is_not_odd(judged):
    assert judged.oddities == ()


def test_the_gravest_goes_first_then_the_lowest_lift_then_the_lowest_dice():
    cases = {f"{n}": [PLAIN, judged] for n, (judged, _) in enumerate(ODD)}
    cases |= {"a": [Judged(lift=5.0, dice=0.7)], "b": [PLAIN], "c": [Judged(lift=4.9)], "d": [Judged()]}
    found = sorted(cases, key=lambda name: order(cases[name], name))
    assert found == ["0", "1", "2", "3", "4", "5", "c", "a", "b", "d"]
    assert told([PLAIN, ODD[4][0], ODD[0][0], ODD[0][0]]) == (*ODD[0][1], *ODD[4][1])


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("share inside", 0.14544, "", "ok", 0.0104, 14.014), "14.5 %|lift 14x"),
        (("share inside", 0.0, "", "ok", 0.5), "0 %|chance 50 %"),
        (("completeness", 1.06), "106 %|"),
        (("dice", 0.87319), "0.8732|"),
        (("lift", 18.508), "18.5x|"),
        (("size", 19.816, "ml"), "19.82 ml|"),
        (("score", -2653.222, "logit"), "-2653 logit|"),
        (("mean_distance", None, "mm", "empty_reference"), "empty reference|"),
        (("dice", None, "", ""), f"{NOTHING}|"),
        (("gini", 0.5, "", "too_small"), "0.5|too small"),
    ],
)
def test_a_number_is_read_with_its_unit_and_with_its_status_where_that_is_not_ok(words, text):
    cell = number(*words)
    assert f"{cell.text}|{cell.aside}" == text and cell.value == words[1]


def pixels(picture):
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(io.BytesIO(picture.png)).convert("RGB")).astype(float)


def test_a_hot_cell_lies_where_it_is_in_all_three_slices():
    """A cube of 10 cells of 4 mm, one hot: a hundredth of every slice, at its place, right on the left."""
    grid = Grid.from_spacing((10, 10, 10), (4.0, 4.0, 4.0))
    density = np.zeros(grid.shape, np.float32)
    density[7, 2, 3] = 1.0
    picture = small_slices(density, grid, "logit per cell", "one")
    shot = pixels(picture)
    hot = (shot[..., 0] > 240) & (shot[..., 1] > 240) & (shot[..., 2] > 120) & (shot[..., 2] < 200)
    high, wide = shot.shape[:2]
    side = 110 * (5.6 - 2 * 0.12 - 2 * 0.08) / 3  # of a slice, in pixels
    top, left, gap = 110 * 0.26, 110 * 0.12, 110 * 0.08
    # (columns from the left, rows from below) of K, J, I = 7, 2, 3: the patient's right and front are on the left
    for n, (column, row) in enumerate([(10 - 1 - 3, 2), (10 - 1 - 3, 7), (10 - 1 - 2, 7)]):
        x, y = left + n * (side + gap) + column * side / 10, top + (9 - row) * side / 10
        found = np.argwhere(hot[:, round(left + n * (side + gap)) : round(left + n * (side + gap) + side)])
        assert abs(len(found) - (side / 10) ** 2) < 0.2 * (side / 10) ** 2
        assert abs(found[:, 0].mean() - (y + side / 20)) < 2
        assert abs(found[:, 1].mean() + left + n * (side + gap) - (x + side / 20)) < 2
    assert abs(wide - 110 * 5.6) < 3 and abs(high - (top + side + 110 * 0.12)) < 3
    assert picture.caption.startswith("Brightest: 1 logit per cell. Coloured: the smallest region with 80 %")


def test_a_map_without_evidence_says_so_and_a_photo_has_no_millimetres():
    grid = Grid.of_photo((1, 20, 30))
    image = Image(np.random.default_rng(0).integers(0, 255, (3, 1, 20, 30)).astype(np.uint8), grid)
    picture = small_slices(
        np.full(grid.shape, -1.0, np.float32), grid, "logit/pixel", "photo", image=image, colour=True
    )
    assert picture.caption == "No value is positive: nothing is coloured."
    assert pixels(picture).std() > 20


def test_the_template_escapes_what_it_is_given():
    from seghirescam.figures.report.page import Page, Section, Table, words

    evil = "<img src=x onerror=alert(1)>\"'&"
    table = Table((evil,), [(words(evil, href='"><script>'),)], (False,))
    page = Page(
        title=evil, lead=evil, facts=((evil, evil),), rule=(evil,), sections_title=evil, warning=evil,
        sections=(Section("x", evil, (evil,), (evil,), table, (), ((evil, table),)),), tables=((evil, table),),
        texts=(evil,), notes=(evil,), made_by=evil, all=(evil, table), sections_note=evil,
    )  # fmt: skip
    text = html(page)
    assert "<img" not in text and "<script" not in text and text.count("&lt;img src=x onerror=alert(1)&gt;") >= 15
