"""Is the model fed as it is meant to be? Networks whose only right way is known, fed wrongly in each way by purpose."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from seghirescam import Grid, Image, PlainModel
from seghirescam.evaluation.feeding.check import check_feeding, dice, planned
from seghirescam.evaluation.feeding.feeding_changes import NORMALISATIONS, codes, with_values
from seghirescam.evaluation.feeding.feeding_verdict import BETTER, FITS, NOTHING, TIED, Row, verdict_of
from seghirescam.models.segmentation_model import Prepared, SegmentationModel
from seghirescam.protocol.errors import CancelledError, PixelSetError
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session

pytest.importorskip("monai")

#: I runs to the left, J up, K to the front: "LSA"
GRID = Grid((14, 16, 18), np.array([[-1.0, 0, 0, 9], [0, 0, 1.5, -7], [0, 1.2, 0, 3], [0, 0, 0, 1]]))


def image(low=0.0):
    array = np.random.default_rng(1).gamma(2.0, 30.0, GRID.shape).astype(np.float32) + np.float32(low)
    return Image(array[None], GRID)


class Toy(nn.Sequential):
    """Weights that no flip or exchange of axes leaves as they are; minds both shift and scale of the intensities."""

    def __init__(self, outputs=3, dims=3, seed=0):
        conv = {2: nn.Conv2d, 3: nn.Conv3d}[dims]
        super().__init__(conv(1, 8, 3, padding=1), nn.Tanh(), conv(8, outputs, 1))
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
        self.eval()

    def balanced(self, tensor):
        """All classes about as frequent on this input."""
        with torch.no_grad():
            found = self(tensor)
            axes = [0, *range(2, found.ndim)]
            self[2].weight /= found.std(axes).reshape(-1, *[1] * (found.ndim - 1))
            self[2].bias.copy_((self[2].bias - found.mean(axes)) / found.std(axes))
        return self


def model(network=None, classes=("rest", "one", "two"), **words):
    words = {"axes": "xyz", "preprocessing": [{"orientation": "LAS"}, {"min_max": [0, 1]}]} | words
    return PlainModel(network or Toy(), classes, **words)


def drawn(right, shown, class_index=2):
    """The segment: what the rightly fed model draws, by numpy and the bare network."""
    prepared = right.prepare(shown)
    with torch.no_grad():
        labels = right.network(prepared.tensor)[0].argmax(0).numpy()
    mask = np.zeros(GRID.shape, np.uint8)
    where = np.argwhere(labels == class_index)
    mask[tuple(np.rint(GRID.kji(prepared.grid.ras(where))).astype(int).T)] = 1
    assert 0.1 < mask.mean() < 0.9
    return PixelSet(mask, GRID, "it")


def found_for(wrong, right=None, shown=None, **words):
    """The check of a model with the words ``wrong``, by a segment that it draws with the words ``right``."""
    shown = shown or image()
    rightly = model(**(right or {}))
    network = rightly.network.balanced(rightly.prepare(shown).tensor)
    return check_feeding(model(network, **wrong), shown, drawn(rightly, shown), 2, **words)


def test_fed_rightly_it_fits_and_nothing_is_recommended():
    found = found_for({})
    assert found.verdict.finding == FITS and found.verdict.write == ""
    assert found.rows[0].dice == 1.0 and found.class_name == "two" and found.fixed == ()
    assert {row.kind for row in found.rows[1:]} == {"axes", "head and activation", "normalisation", "orientation"}
    assert all(row.dice < 1 for row in found.rows[1:])


def test_another_order_of_axes_is_found():
    found = found_for({"axes": "zyx"})
    assert (found.verdict.finding, found.verdict.write) == (BETTER, '"axes": "xyz"')
    assert next(row for row in found.rows if row.kind == "axes").dice == 1.0


@pytest.mark.parametrize("wrong", ["RAS", "LPS", "RPI", "SLP"])
def test_another_orientation_is_found(wrong):
    found = found_for({"preprocessing": [{"orientation": wrong}, {"min_max": [0, 1]}]})
    assert found.verdict.finding == BETTER
    assert found.verdict.write == '"preprocessing": [{"orientation": "LAS"}, {"min_max": [0, 1]}]'


@pytest.mark.parametrize("name", [name for name in NORMALISATIONS if not name.startswith("CT")])
def test_each_usual_normalisation_is_found(name):
    other = [{"scale": 0.01}] if name == "none" else []
    right = {"preprocessing": [{"orientation": "LAS"}, *NORMALISATIONS[name]]}
    found = found_for({"preprocessing": [{"orientation": "LAS"}, *other]}, right)
    row = next(row for row in found.rows if row.name == name)
    assert row.dice == 1.0 and row.write.count("orientation") == 1
    assert found.verdict.finding == BETTER and f"normalisation {name}" in found.verdict.sentence


def test_a_ct_s_window_is_tried_on_a_ct_only():
    names = [row.name for row in found_for({}).rows]
    assert not any(name.startswith("CT") for name in names)
    right = {"preprocessing": [{"orientation": "LAS"}, {"intensity_window": [-1000, 1000]}]}
    found = found_for({"preprocessing": [{"orientation": "LAS"}]}, right, image(low=-1000))
    assert next(row for row in found.rows if row.name.startswith("CT window -1000")).dice == 1.0
    assert found.verdict.finding == BETTER and "-1000" in found.verdict.write


def test_another_head_is_found():
    found = found_for({"head": "sigmoid"})
    assert (found.verdict.finding, found.verdict.write) == (BETTER, '"head": "softmax"')


class Probable(nn.Module):
    """Ends in a sigmoid that cannot be seen from outside."""

    def __init__(self):
        super().__init__()
        self.conv = Toy(1, seed=3)

    def forward(self, x):
        return 1 - 1 / (1 + self.conv(x).exp())


def test_probabilities_that_were_taken_for_logits_are_found():
    shown, network = image(), Probable().eval()
    network.conv.balanced(model().prepare(shown).tensor)
    words = {"classes": ("rest", "it"), "head": "binary"}
    right = model(network, activation="sigmoid", **words)
    with torch.no_grad():
        prepared = right.prepare(shown)
        mask = (network(prepared.tensor)[0, 0] > 0.5).numpy()
    truth = right.labels_on_input(np.where(mask, 1.0, -1.0)[None], prepared, shown)
    assert 0.05 < truth.mean() < 0.95
    wrong = model(network, activation="none", **words)
    found = check_feeding(wrong, shown, PixelSet(truth, GRID), 1)
    assert found.rows[0].dice < 0.95
    assert (found.verdict.finding, found.verdict.write) == (BETTER, '"head": "binary", "activation": "sigmoid"')


def test_a_normalising_function_is_replaced_and_is_to_be_left_out():
    found = found_for({"preprocessing": [{"orientation": "LAS"}], "normalise": lambda a: a * 0 + 1})
    assert found.verdict.finding == BETTER
    assert found.verdict.write.endswith('{"min_max": [0, 1]}], and leave out normalise')


def test_where_nothing_fits_it_says_so_and_names_a_class_that_does():
    shown = image()
    noise = PixelSet(np.random.default_rng(5).random(GRID.shape) < 0.02, GRID)
    found = check_feeding(model(), shown, noise, 2)
    assert found.verdict.finding == NOTHING and found.verdict.write == ""
    assert "Nothing is recommended" in found.verdict.sentence
    toy = model()
    toy.network.balanced(toy.prepare(shown).tensor)
    other = check_feeding(toy, shown, drawn(toy, shown, class_index=0), 1)
    assert other.classes["rest"] == 1.0
    assert other.verdict.finding == NOTHING and "calls 'rest' (Dice 1.000)" in other.verdict.sentence


def test_what_feeds_the_network_the_same_is_predicted_once():
    again = {"preprocessing": [{"orientation": "LAS"}, {"min_max": [0, 1]}, {"scale": 1}]}
    twice = found_for(again)
    same = next(row for row in twice.rows if row.name == "min-max to 0..1")
    assert same.same_as == "as stated" and same.dice == 1.0
    assert twice.predictions == sum(not row.same_as and row.dice is not None for row in twice.rows)
    assert twice.predictions <= planned(model(**again), image()) == len(twice.rows)


class OwnLoader(SegmentationModel):
    """A library's own: nothing but the image can vary."""

    name, kind, head, spatial_dims, channels = "own", "toy", "softmax", 3, ("image",)

    def __init__(self):
        self.inner = model(axes="zyx", preprocessing=[{"min_max": [0, 1]}])
        self.networks, self.classes = self.inner.networks, self.inner.classes

    def prepare(self, shown):
        return self.inner.prepare(shown)


def test_where_the_loader_decides_only_flips_of_the_image_are_tried():
    own, shown = OwnLoader(), image()
    prepared = own.prepare(shown)
    own.networks[0].balanced(prepared.tensor)
    assert isinstance(prepared, Prepared)
    with torch.no_grad():
        truth = own.networks[0](prepared.tensor)[0].argmax(0).numpy() == 2
    stored = Image(shown.array[..., ::-1].copy(), GRID)  # right and left exchanged, the header as before
    found = check_feeding(own, stored, PixelSet(truth[..., ::-1].copy(), GRID), 2)
    assert found.fixed == ("axes", "head and activation", "normalisation")
    assert {row.kind for row in found.rows[1:]} == {"orientation"} and len(found.rows) == 4
    assert found.verdict.finding == BETTER and found.verdict.write == ""
    assert "left and right of the image swapped" in found.verdict.sentence and "header" in found.verdict.sentence


def test_the_model_stays_as_it_was():
    wrong = model(axes="zyx", head="softmax", normalise=lambda a: a)
    shown = image()
    before, state = copy.copy(vars(wrong)), copy.deepcopy(wrong.network.state_dict())
    check_feeding(wrong, shown, PixelSet(shown.array[0] > 60, GRID), 2)
    after = vars(wrong)
    assert {k: v for k, v in before.items() if k != "_hashed"} == {k: v for k, v in after.items() if k != "_hashed"}
    assert all(torch.equal(state[key], value) for key, value in wrong.network.state_dict().items())


def test_progress_and_cancel():
    told = []
    found_for({}, progress=lambda fraction, phase: told.append((fraction, phase)))
    assert [f for f, _ in told] == sorted(f for f, _ in told) and told[-1] == (1.0, "done")
    assert any("normalisation z-score" in phase for _, phase in told) and told[0][1].startswith("1 of ")

    def stop(fraction, phase):
        if fraction > 0.4:
            raise CancelledError("Cancelled.", "")

    with pytest.raises(CancelledError):
        found_for({}, progress=stop)


def test_refusals():
    with pytest.raises(PixelSetError, match="no voxels"):
        check_feeding(model(), image(), PixelSet(np.zeros(GRID.shape), GRID), 1)
    with pytest.raises(Exception, match="output channel"):  # as the prediction itself says it
        check_feeding(model(classes=("a", "b")), image(), PixelSet(np.ones(GRID.shape), GRID), 1)


def test_2d_networks_slice_by_slice():
    network = Toy(3, dims=2)
    grid = Grid((4, 20, 24), np.diag([-1.0, -1.0, 3.0, 1.0]))
    shown = Image(np.random.default_rng(2).random((1, 4, 20, 24)).astype(np.float32), grid)
    words = {"spatial_dims": 2, "preprocessing": [{"orientation": "LAS"}, {"z_score": "all"}]}
    right, wrong = PlainModel(network, "abc", axes="xyz", **words), PlainModel(network, "abc", axes="zyx", **words)
    network.balanced(
        torch.cat(
            [
                right.prepare(Image(shown.array[:, k : k + 1], grid.strided((1, 1, 1), (k, 0, 0), (1, 20, 24)))).tensor
                for k in range(4)
            ]
        )
    )
    session = open_session(right, shown)
    labels = session.model.labels_on_input(session.logits(), session.prepared(), shown)
    found = check_feeding(wrong, shown, PixelSet(labels == 1, grid), 1)
    assert (found.verdict.finding, found.verdict.write) == (BETTER, '"axes": "xyz"')
    assert {row.name for row in found.rows if row.kind == "orientation"} == {"LPS", "RAS", "RPS"}


def test_a_photo_has_no_orientation_to_be_tried():
    grid = Grid.of_photo((1, 12, 12))
    shown = Image(np.random.default_rng(2).random((1, 1, 12, 12)).astype(np.float32), grid)
    toy = PlainModel(nn.Conv2d(1, 2, 3, padding=1), "ab", spatial_dims=2)
    found = check_feeding(toy, shown, PixelSet(np.ones(grid.shape), grid), 1)
    assert "orientation" not in {row.kind for row in found.rows}


def test_it_is_written_as_the_description_is():
    found = found_for({"preprocessing": [{"orientation": "RAS"}, {"min_max": [0, 1]}]}, toml=True)
    assert found.verdict.write == 'preprocessing = [{orientation = "LAS"}, {min_max = [0, 1]}]'


# the rule itself


def row(kind, name, value, **words):
    return Row(kind, name, value, f"write {name}", mask=name, **words)


def verdict(stated, *changes):
    return verdict_of([row("", "as stated", stated), *changes], "it", {"it": stated})


def test_the_rule():
    assert verdict(0.4, row("axes", "x", 0.9)).finding == BETTER
    assert verdict(0.87, row("axes", "x", 0.9)).finding == FITS  # not clearly better
    assert verdict(0.1, row("axes", "x", 0.49)).finding == NOTHING  # not good
    tied = verdict(0.4, row("axes", "x", 0.9), row("orientation", "LPS", 0.895))
    assert tied.finding == TIED and tied.write == "" and "axes x" in tied.sentence and "LPS" in tied.sentence
    same = verdict(0.4, row("axes", "x", 0.9), row("orientation", "LPS", 0.9, same_as="x"))
    assert same.finding == BETTER and same.write == "write x"
    one_kind = verdict(0.4, row("normalisation", "p", 0.9), row("normalisation", "q", 0.893))
    assert one_kind.finding == BETTER and "normalisation q (Dice 0.893)" in one_kind.sentence
    alike = verdict(0.9, row("normalisation", "q", 0.905))
    assert alike.finding == FITS and "hardly tells" in alike.sentence
    failed = verdict_of([Row("", "as stated", None, reason="It is so."), row("axes", "x", 0.9)], "it", {})
    assert failed.finding == BETTER and "It is so." in failed.sentence
    assert verdict_of([row("", "as stated", 0.7)], "it", {}).finding == FITS


def test_dice_and_codes():
    one, other = np.zeros((3, 4), bool), np.zeros((3, 4), bool)
    one[0], other[0, :2], other[1, :2] = True, True, True
    assert dice(one, other) == 2 * 2 / (4 + 4) and dice(one & False, other & False) == 0
    assert codes(GRID) == "LSA" and codes(Grid.from_spacing((2, 2, 2))) == "RAS"


def test_values_are_replaced_where_they_stood():
    steps = [{"orientation": "RAS"}, {"z_score": "all"}, {"scale": 2}, {"spacing": [1, 1, 1]}]
    replaced = [{"orientation": "RAS"}, {"min_max": [0, 1]}, {"spacing": [1, 1, 1]}]
    assert with_values(steps, [{"min_max": [0, 1]}]) == replaced
    assert with_values([{"orientation": "RAS"}], []) == [{"orientation": "RAS"}]
