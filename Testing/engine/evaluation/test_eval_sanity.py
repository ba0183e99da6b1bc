"""Randomised weights and another class's map: closed forms on linear networks, and nothing is ever left changed."""

import numpy as np
import pytest
import torch
from torch import nn

from engine import toys
from engine.linear_cases import Stop, box, case_of, pointwise
from seghirescam.cam.isolation.network_place import stamp
from seghirescam.evaluation.trust.explained_case import told_apart
from seghirescam.evaluation.trust.sanity import _chain, _order, class_swap, randomisation, randomised, swapped_words
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.value import NOT_MEASURED


def test_a_pointwise_linear_network_s_map_keeps_its_ranks_whatever_its_weights():
    case, _ = case_of(pointwise(), "first")
    steps = randomisation(case)
    assert [step.modules for step in steps] == [1, 2] and [step.added for step in steps] == [("head",), ("first",)]
    for step in steps:
        assert abs(step.spearman.value) == pytest.approx(1, abs=1e-12)


def test_cells_that_no_map_reaches_are_not_compared():
    one, other = np.array([0.0, 0.0, 1.0, 2.0]), np.array([0.0, 3.0, 0.0, 1.0])
    ours, theirs = told_apart(one, other)
    assert ours.tolist() == [0, 1, 2] and theirs.tolist() == [3, 0, 1]


def test_the_order_runs_from_the_output_to_the_input_and_all_weights_and_statistics_change_and_come_back():
    network = toys.make(kind="batch")
    model = PlainModel(network, ["a", "b", "c"])
    case, _ = case_of(model, "encoder.1")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    marks, tensors = stamp(network), [*network.parameters(), *network.buffers()]
    with _order([network]) as (order,):
        case.ask()
    chain = _chain(network, order)
    assert [unit.name for unit in chain][:3] == ["head", "decoder.1.norm", "decoder.1.conv"]
    assert [unit.name for unit in chain][-2:] == ["encoder.0.norm", "encoder.0.conv"] and len(chain) == 13
    with randomised([chain], seed=3):
        assert not any(
            torch.equal(network.state_dict()[name], before[name]) for name in before if "tracked" not in name
        )
        norm = network.encoder[0].norm
        assert (norm.running_mean == 0).all() and (norm.running_var == 1).all() and (norm.weight == 1).all()
        assert network.head.weight.dtype == torch.float64
    assert stamp(network) == marks and all(torch.equal(v, before[n]) for n, v in network.state_dict().items())
    assert all(a is b for a, b in zip(tensors, [*network.parameters(), *network.buffers()], strict=True))


def test_one_seed_gives_the_same_numbers_and_another_other_ones_and_folds_have_seeds_of_their_own():
    model = PlainModel(toys.make(seed=0), ["a", "b", "c"], folds=[toys.make(seed=1)])
    case, _ = case_of(model, "encoder.1")
    first, again, other = (randomisation(case, seed=seed, steps=1) for seed in (5, 5, 6))
    assert [s.to_json() for s in first] == [s.to_json() for s in again] != [s.to_json() for s in other]
    with _order(model.networks) as orders:
        case.ask()
    chains = [_chain(n, o) for n, o in zip(model.networks, orders, strict=True)]
    with randomised(chains, 0):
        assert not torch.equal(model.networks[0].head.weight, model.networks[1].head.weight)


def test_a_randomised_network_s_map_is_another_one_and_the_random_state_of_torch_is_left():
    case, _ = case_of(PlainModel(toys.make(kind="instance"), ["a", "b", "c"]), "encoder.0")
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    last = randomisation(case)[-1]
    assert torch.equal(torch.rand(3), expected)
    assert last.modules == 13 and abs(last.spearman.value) < 0.5 and last.ssim.ok


def test_a_kept_pass_lives_through_it_and_answers_bit_for_bit():
    model = PlainModel(toys.make(), ["a", "b", "c"])
    case, session = case_of(model, "encoder.1", keep=True)
    assert session.forward_calls == 1
    randomisation(case, steps=2)
    (again,) = session.ask(box(), **case.words)
    assert session.forward_calls == 1 and np.array_equal(again.map, case.map)


@pytest.mark.parametrize("at", [0.05, 0.4, 0.7, 0.95])
def test_cancelling_leaves_weights_and_session_as_they_were(at):
    network = toys.make()
    case, session = case_of(PlainModel(network, ["a", "b", "c"]), "encoder.1", keep=True)
    marks, hooks = stamp(network), sum(len(m._forward_pre_hooks) + len(m._forward_hooks) for m in network.modules())

    def cancel(fraction, phase):
        if fraction >= at:
            raise Stop

    with pytest.raises(Stop):
        randomisation(case, progress=cancel)
    assert stamp(network) == marks and not any(m.training for m in network.modules())
    assert sum(len(m._forward_pre_hooks) + len(m._forward_hooks) for m in network.modules()) == hooks
    assert np.array_equal(session.ask(box(), **case.words)[0].map, case.map) and session.forward_calls == 1


def test_a_weight_that_two_modules_share_stays_shared():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv3d(1, 1, 3, padding=1), nn.Conv3d(1, 1, 3, padding=1)
            self.b.weight = self.a.weight
            self.head = nn.Conv3d(1, 2, 1)

        def forward(self, x):
            return self.head(self.b(torch.relu(self.a(x))))

    network = Tied().double()
    case, _ = case_of(PlainModel(network, ["rest", "object"]), "a")
    before = network.a.weight.detach().clone()
    randomisation(case)
    assert network.a.weight is network.b.weight and torch.equal(network.a.weight, before)


def test_weights_without_a_rule_of_their_own_are_shuffled_and_a_network_without_weights_says_so():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale, self.head = nn.Parameter(torch.arange(1.0, 4.0)), nn.Conv3d(3, 2, 1)
            self.act = nn.ReLU()

        def forward(self, x):
            return self.head(self.act(x * self.scale.view(1, 3, 1, 1, 1)))

    network = Own()
    with _order([network]) as (order,):
        network(torch.zeros(1, 1, 2, 2, 2))
    chain = _chain(network, order)
    with randomised([chain], 0):
        assert sorted(network.scale.tolist()) == [1, 2, 3]
    assert network.scale.tolist() == [1, 2, 3]

    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.act = nn.ReLU()

        def forward(self, x):
            x = self.act(x)
            return torch.cat([1 - x, x], 1)

    case, _ = case_of(PlainModel(Bare(), ["rest", "object"]), "act")
    assert randomisation(case) == []


class Block(nn.Module):
    """Owns a weight and resets its children, too, of which one is not used in forward."""

    def __init__(self):
        super().__init__()
        self.first, self.aux, self.head = nn.Conv3d(1, 3, 1), nn.Conv3d(3, 2, 1), nn.Conv3d(3, 2, 1)
        self.gamma = nn.Parameter(torch.arange(1.0, 4.0))

    def reset_parameters(self):
        for module in (self.first, self.aux, self.head):
            module.reset_parameters()
        nn.init.ones_(self.gamma)

    def forward(self, x):
        return self.head(torch.relu(self.first(x)) * self.gamma.view(1, 3, 1, 1, 1))


def test_a_module_that_resets_its_children_too_writes_into_none_of_them():
    network = Block().double()
    case, session = case_of(PlainModel(network, ["rest", "object"]), "first", keep=True)
    before, marks = {n: v.clone() for n, v in network.state_dict().items()}, stamp(network)
    steps = randomisation(case)
    assert steps[-1].modules == 4 and any("Block" in step.added for step in steps)
    assert stamp(network) == marks and all(torch.equal(v, before[n]) for n, v in network.state_dict().items())
    assert np.array_equal(session.ask(box(), **case.words)[0].map, case.map) and session.forward_calls == 1


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
def test_weights_that_the_module_s_rule_does_not_know_are_shuffled_and_what_is_derived_from_them_is_left():
    class Scaled(nn.Conv3d):
        def __init__(self, *sizes):
            super().__init__(*sizes)
            self.scale = nn.Parameter(torch.arange(1.0, sizes[1] + 1))

        def forward(self, x):
            return super().forward(x) * self.scale.view(1, -1, 1, 1, 1)

    normed = nn.utils.weight_norm(nn.Conv3d(1, 4, 3, padding=1))
    network = nn.Sequential(normed, nn.ReLU(), Scaled(4, 3, 1)).double()
    with torch.no_grad():
        normed.weight_g.copy_(torch.arange(1.0, 5).view(4, 1, 1, 1, 1))
    case, session = case_of(PlainModel(network, ["a", "b", "c"]), "0", keep=True)
    with _order([network]) as (order,):
        case.ask()
    chain, before = _chain(network, order), {n: v.clone() for n, v in network.state_dict().items()}
    with randomised([chain], 1):
        now = network.state_dict()
        assert not any(torch.equal(now[name], before[name]) for name in before)
        for name in ("0.weight_g", "0.weight_v", "2.scale"):
            assert torch.equal(now[name].flatten().sort().values, before[name].flatten().sort().values)
        assert not torch.equal(now["2.weight"].flatten().sort().values, before["2.weight"].flatten().sort().values)
    assert all(torch.equal(v, before[n]) for n, v in network.state_dict().items())
    assert np.array_equal(session.ask(box(), **case.words)[0].map, case.map) and session.forward_calls == 1


@pytest.mark.parametrize("kind", ["export", "frozen script"])
def test_the_weights_of_a_saved_program_are_shuffled_from_its_last_operation_on(kind, tmp_path):
    from engine.programs import describe, save_exported, save_script
    from seghirescam.models import open_model

    network = nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv3d(4, 2, 1)).eval()
    tensor = torch.zeros(1, 1, 8, 8, 8)
    if kind == "export":
        path = save_exported(tmp_path / "net.pt2", network, tensor)
    else:  # it holds its weights as constants, without the names of modules
        path = save_script(tmp_path / "net.pt", network, tensor, freeze=True)
    describe(path, classes=["rest", "object"])
    model = open_model(str(path), consent=True)
    (program,) = model.networks
    with _order([program]) as (order,):
        program(tensor)
    chain, before = _chain(program, order), {n: v.clone() for n, v in program.state_dict().items()}
    assert [next(iter(unit.tensors.values())).shape[0] for unit in chain] == (
        [2, 4] if kind == "export" else [2, 2, 4, 4]
    )
    with randomised([chain], 0):
        for name, value in program.state_dict().items():
            assert torch.equal(value.flatten().sort().values, before[name].flatten().sort().values)
            assert not torch.equal(value, before[name]) or value.numel() == 2
    assert all(torch.equal(v, before[n]) for n, v in program.state_dict().items())


def test_the_class_swap_is_two_for_opposite_classes_and_nothing_for_a_map_that_knows_no_class():
    case, _ = case_of(pointwise(), "first")
    assert class_swap(case).value == pytest.approx(2)
    assert class_swap(case).note == "against the map of rest"
    model = PlainModel(toys.make(), ["a", "b", "c"])
    blind, _ = case_of(model, "encoder.1", "seg_eigen_cam")
    assert class_swap(blind).value == pytest.approx(0, abs=1e-9)
    sighted, session = case_of(model, "encoder.1", keep=True)
    assert class_swap(sighted).value > 1e-3 and session.forward_calls == 1


def test_the_other_class_is_the_rival_or_the_background_and_one_channel_has_none():
    three = PlainModel(toys.make(), ["a", "b", "c"])
    words = {"class_index": 1, "score": "contrast", "rival": 2}
    assert swapped_words(three, words)[0] == {"class_index": 2, "score": "logit", "rival": None}
    assert swapped_words(three, {"class_index": 1})[0]["class_index"] == 0
    assert swapped_words(three, {"class_index": 0})[0]["class_index"] == 1
    one = PlainModel(nn.Sequential(nn.Conv3d(1, 2, 1), nn.Conv3d(2, 1, 1)).double(), ["rest", "object"], head="binary")
    case, _ = case_of(one, "0")
    found = class_swap(case)
    assert found.status == NOT_MEASURED and "sign turned" in found.note
