"""The verdict of maps that were sent: wrong ones, ones of unknown origin, and those of networks that draw nothing."""

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.known import analytic
from benchmarks.verdict import judging, subjects, summary, wrong_maps
from engine.linear_cases import GRID, box, case_of, picture, pointwise
from seghirescam.evaluation.evaluate import evaluate_in
from seghirescam.evaluation.trust.full_tier import full
from seghirescam.evaluation.trust.made_again import made_again
from seghirescam.evaluation.trust.rows import NOT_JUDGED, NOT_SUPPORTED, SUPPORTED
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.errors import EmptyPixelSetError
from seghirescam.protocol.recipes import PredictedClass
from seghirescam.session.opening import open_session

SETTING = analytic.SETTINGS[0]


def test_a_map_made_again_is_the_same_in_any_unit_and_another_one_is_told_by_its_cosine():
    case, _ = case_of(pointwise(), "first")
    again = case.ask()
    cosines = {}
    other = np.random.default_rng(1).normal(size=case.map.shape)
    for name, values in {"same": case.map * 1000, "turned": -case.map, "other": other}.items():
        case.map = values
        row = made_again(case, again)
        cosines[name] = row.value.value, row.passed
    a, b = other.reshape(-1), np.asarray(again.map, dtype=np.float64).reshape(-1)
    assert cosines["same"] == (pytest.approx(1), True) and cosines["turned"] == (pytest.approx(-1), False)
    assert cosines["other"] == (pytest.approx(a @ b / np.sqrt((a @ a) * (b @ b)), abs=1e-12), False)
    case.map = again.map + 0.1 * np.abs(again.map).max() * (again.map != 0) * np.sign(other)
    close = made_again(case, again)
    assert 0.9 < close.value.value < 0.999 and close.passed is None and "would be the same map" in close.sentence


def test_every_kind_of_wrong_map_of_a_hand_set_network_is_not_supported_and_the_right_one_is():
    subject = subjects.hand_set(3, SETTING)
    right = subject.explained()
    said = {row["kind"]: row for row in judging.judged(subject)}
    assert set(said) == {judging.RIGHT, *wrong_maps.KINDS}
    assert said[judging.RIGHT]["verdict"] == SUPPORTED and said[judging.RIGHT]["proven"] == "yes"
    assert SUPPORTED not in {row["verdict"] for kind, row in said.items() if kind != judging.RIGHT}
    for kind in (wrong_maps.EDGES, wrong_maps.PAINTED):
        assert said[kind]["verdict"] == NOT_SUPPORTED and said[kind]["bare_used"] != SUPPORTED
    # the full check itself says the same of each
    session = subject.session()
    maps = {judging.RIGHT: (right.map, right.grid)}
    maps |= {kind: (values, grid) for kind, values, grid in wrong_maps.wrong_maps(subject, right)}
    for kind in (judging.RIGHT, wrong_maps.SHUFFLED, wrong_maps.EDGES, wrong_maps.PROBABILITY):
        found = full(session, subject.pixels, subject.words, sent=maps[kind])
        assert found.verdict == said[kind]["verdict"], kind
        assert [line.word for line in found.lines] == [said[kind][name] for name in ("belongs", "used", "specific")]


def test_a_map_of_unknown_origin_is_never_called_supported_and_must_count_more_than_edges():
    subject = subjects.hand_set(3, SETTING)
    right, words = subject.explained(), {"class_index": 1, "layers": [analytic.LAYER]}
    found = full(subject.session(), subject.pixels, words, sent=(right.map, right.grid), origin_known=False)
    assert found.verdict == NOT_JUDGED and [line.word for line in found.lines] == [NOT_JUDGED, SUPPORTED, NOT_JUDGED]
    assert "not known by which method" in found.verdict_sentence
    decoy = np.where(subject.other, 1.0, 0.0).astype(np.float32)
    told = evaluate_in(
        subject.session(), subject.pixels, subject.words, tier="full", made=(decoy, subject.image.grid),
        origin_known=False,
    ).trust  # fmt: skip
    # the network never looks at the decoy
    assert told.verdict == NOT_SUPPORTED and told.row("cells_removed").value.value == pytest.approx(0, abs=1e-9)


class Silent(nn.Module):
    """y_1 = x - 100 against y_0 = 0: it draws nothing, anywhere."""

    def __init__(self):
        super().__init__()
        self.first, self.head = nn.Conv3d(1, 1, 1), nn.Conv3d(1, 2, 1)
        with torch.no_grad():
            self.first.weight[:], self.first.bias[:] = 1.0, 0.0
            self.head.weight[:] = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1, 1)
            self.head.bias[:] = torch.tensor([0.0, -100.0])

    def forward(self, x):
        return self.head(self.first(x))


def test_a_network_that_draws_nothing_has_no_predicted_set_and_is_asked_about_a_segment():
    session = open_session(PlainModel(Silent().double(), ["rest", "object"]), picture())
    words = {"class_index": 1, "methods": ["seg_hires_grad_cam"], "layers": ["first"]}
    with pytest.raises(EmptyPixelSetError) as refused:
        full(session, PredictedClass(), words)
    assert "no voxel" in str(refused.value) and "a segment where it was expected" in refused.value.hint
    found = full(session, box(), words)
    assert found.drawn == 0 and found.explanation.score == pytest.approx(
        (picture().array[0][box().weights > 0] - 100).sum()
    )
    assert found.verdict_sentence.endswith("the map is about a score that loses there.")
    assert GRID.shape == found.explanation.map.shape


def test_rates_have_wilson_s_interval_and_a_question_without_a_map_is_no_rate():
    rows = [{"kind": "edges of the image", "verdict": "supported" if n < 2 else "not judged"} for n in range(100)]
    found = summary.counts(rows)
    assert (found["n"], found["supported"], found["unclear"], found["not_supported"]) == (100, 2, 98, 0)
    # (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n), z = 1.959964
    z2, p, n = 1.959964**2, 0.02, 100
    middle, half = p + z2 / (2 * n), np.sqrt(z2) * np.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    expected = [(middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n)]
    assert found["supported_interval"] == pytest.approx(expected, abs=1e-4)
    assert summary.counts([])["n"] == 0 and summary.counts([])["supported_interval"] == []
