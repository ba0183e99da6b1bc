"""Shapley values against all orders, against Captum, and their axioms; sampled ones with errors that mean something."""

import numpy as np
import pytest
import torch

from engine.cause_cases import all_orders
from seghirescam.evaluation.causes import shapley as rule
from seghirescam.evaluation.causes.shapley import coalitions, shapley
from seghirescam.protocol.errors import MethodError


def random_game(players, numbers=1, seed=0):
    table = np.random.default_rng(seed).normal(size=(2**players, numbers))
    return lambda present, tell: table[int(sum(1 << i for i in np.flatnonzero(present)))]


@pytest.mark.parametrize("players", [1, 2, 3, 5])
def test_exact_values_are_the_mean_gain_over_all_orders(players):
    game = random_game(players, numbers=2)
    found = shapley(players, game)
    for number in (0, 1):

        def value(chosen, number=number):
            return game(np.array([i in chosen for i in range(players)]), None)[number]

        slow = all_orders(players, value)
        assert found.values[:, number] == pytest.approx(slow, rel=1e-12, abs=1e-12)
    assert found.errors is None and found.coalitions == 2**players == coalitions(players)
    assert found.values.sum(axis=0) == pytest.approx(found.full - found.none, abs=1e-12)


def test_exact_and_sampled_values_equal_captum_s():
    captum = pytest.importorskip("captum.attr")
    players = 4
    game = random_game(players, seed=3)

    def forward(mask):
        return torch.tensor([game(row.numpy() > 0.5, None)[0] for row in mask])

    ones = torch.ones(1, players, dtype=torch.float64)
    theirs = captum.ShapleyValues(forward).attribute(ones)[0].numpy()
    assert shapley(players, game).values[:, 0] == pytest.approx(theirs, abs=1e-6)


def test_the_same_orders_give_captum_s_sampled_values(monkeypatch):
    captum = pytest.importorskip("captum.attr")
    players, game = 10, random_game(10, seed=5)
    draw = np.random.default_rng(7)
    orders = [order for _ in range(8) for order in [draw.permutation(players)]]
    orders = [one for order in orders for one in (order, order[::-1].copy())]

    def forward(mask):
        return torch.tensor([game(row.numpy() > 0.5, None)[0] for row in mask])

    waiting = iter(orders)
    monkeypatch.setattr(torch, "randperm", lambda n, **words: torch.tensor(next(waiting)))
    ones = torch.ones(1, players, dtype=torch.float64)
    theirs = captum.ShapleyValueSampling(forward).attribute(ones, n_samples=16)[0].numpy()
    found = shapley(players, game, permutations=16, seed=7)
    assert found.values[:, 0] == pytest.approx(theirs, abs=1e-6)
    assert found.permutations == 16


def test_a_dummy_gets_nothing_and_a_sum_gives_each_its_own():
    own = np.array([1.5, 0.0, -2.0, 0.25, 7.0, 0.0, 3.0, -1.0, 0.5, 4.0])
    for players in (6, 10):
        found = shapley(players, lambda present, tell: [float((own[: len(present)] * present).sum())])
        assert found.values[:, 0] == pytest.approx(own[:players], abs=1e-12)
        assert found.values[1, 0] == 0
        if players == 10:
            assert found.errors[:, 0] == pytest.approx(np.zeros(10), abs=1e-12)


def test_sampled_values_add_up_and_their_errors_cover_the_truth():
    """Of a game of pairs the exact values are known: each player gets half of every pair it belongs to."""
    players = 11
    pairs = np.random.default_rng(1).normal(size=(players, players))
    pairs = np.triu(pairs, 1) + np.triu(pairs, 1).T
    truth = pairs.sum(axis=1) / 2

    def game(present, tell):
        odd = float(np.prod(np.where(present[:3], 2.0, 1.0)))  # of third order, so that pairs of orders are not exact
        return [present @ pairs @ present / 2 + odd]

    exact_odd = all_orders(3, lambda chosen: 2.0 ** len(chosen))
    truth[:3] += exact_odd
    inside = []
    for seed in range(20):
        found = shapley(players, game, permutations=16, seed=seed)
        assert found.values[:, 0].sum() == pytest.approx(float(found.full[0] - found.none[0]), abs=1e-9)
        assert found.coalitions <= coalitions(players, 16)
        inside.append(np.abs(found.values[:, 0] - truth) <= 2.5 * found.errors[:, 0] + 1e-9)
    assert np.mean(inside) > 0.9
    # an order and its reverse give a pair's halves exactly: only the third order is left to chance
    assert (found.errors[3:, 0] < 1e-9).all()


def test_each_coalition_is_asked_once_the_two_ends_first_and_told():
    asked, told = [], []

    def game(present, tell):
        asked.append(tuple(present))
        tell(0.5, "predicting")
        return [float(present.sum())]

    shapley(3, game, progress=lambda fraction, phase: told.append((fraction, phase)))
    assert len(asked) == len(set(asked)) == 8
    assert asked[:2] == [(True, True, True), (False, False, False)]
    assert told[0][1] == "coalition 1 of 8: predicting"
    assert [f for f, _ in told] == sorted(f for f, _ in told)


def test_bad_numbers_of_orders_and_no_player_are_refused():
    with pytest.raises(MethodError, match="nothing to share"):
        shapley(0, random_game(1))
    for wrong in (2, 7, 5.0):
        with pytest.raises(MethodError, match="in pairs"):
            shapley(rule.MOST_EXACT + 1, random_game(9), permutations=wrong)
