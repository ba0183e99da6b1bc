"""Mask2Former fed less than the 384 x 384 pixels at which transformers forms its score: said, labels the library's."""

import numpy as np
import pytest
import torch

from engine import hugging_faces as maker
from seghirescam import Grid, Image, open_model
from seghirescam.session.opening import open_session
from seghirescam.session.prediction import predicted_labels

pytest.importorskip("transformers", reason="transformers is not installed: python -m pip install transformers")
LAYER = "model.pixel_level_module.decoder.mask_projection"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return maker.folder("mask2former", tmp_path_factory.mktemp("faces") / "small", 64)


def quiet(fraction, phase):
    pass


def test_what_is_done_to_the_size_stands_in_every_result_and_only_where_it_is_done(small, tmp_path):
    session = open_session(open_model(str(small)), maker.photo())
    found = session.ask(class_index=1, layers=[f"model.{LAYER}"])[0]
    (reduced,) = [
        note for note in found.notes if "fewer pixels (64 x 64) than its score is formed at (384 x 384)" in note
    ]
    assert "not smoothed" in reduced and "the prediction is made of all of them" in reduced
    assert any("masks are brought to 384 x 384 before the score is formed" in note for note in found.notes)
    large = open_model(str(maker.folder("mask2former", tmp_path / "large", 384)))
    assert not any("fewer pixels" in note for note in large.prepare(maker.photo()).notes)
    other = open_model(str(maker.folder("maskformer", tmp_path / "other", 64)))
    assert not any("384" in note for note in (*other.prepare(maker.photo()).notes, *other.loading))


def test_labels_are_the_librarys_also_after_another_picture_and_slice_by_slice(small):
    model, image = open_model(str(small)), maker.photo()
    theirs = maker.librarys_labels(small, image)
    assert len(np.unique(theirs)) > 1
    session = open_session(model, image)
    first = session.logits()
    labels, _ = predicted_labels(session, quiet)
    assert (labels[0] == theirs).mean() >= 0.9999
    open_session(model, maker.photo(seed=3)).logits()  # another picture goes through in between
    later = model.labels_on_input(first, session.prepared(), image)
    assert (later[0] == theirs).mean() >= 0.9999
    grey = np.stack([maker.photo(seed=n).array.max(axis=0)[0] for n in range(3)])
    volume = Image(grey[None], Grid.from_spacing(grey.shape, (3.0, 1.0, 1.0)))
    labels, _ = predicted_labels(open_session(model, volume), quiet)
    for k in range(3):
        one = Image(np.repeat(grey[None, k : k + 1], 3, axis=0), Grid.of_photo((1, *grey.shape[1:])))
        assert (labels[k] == maker.librarys_labels(small, one)).mean() >= 0.9999


def test_the_map_is_that_of_an_independent_autograd_through_both_sizes(small):
    model, image = open_model(str(small)), maker.photo()
    session = open_session(model, image)
    found = session.ask(class_index=1, layers=[f"model.{LAYER}"])[0]
    network, x, kept = session.model.networks[0].model, session.prepared().tensor, []

    def keep(_, inputs, output):
        kept.append(output.detach().clone().requires_grad_())
        return kept[0].clone()

    handle = dict(network.named_modules())[LAYER].register_forward_hook(keep)
    out = network(pixel_values=x)
    handle.remove()

    def to(values, size):
        return torch.nn.functional.interpolate(values, size=size, mode="bilinear", align_corners=False)

    share = torch.sigmoid(to(out.masks_queries_logits, (384, 384)))
    p = torch.softmax(out.class_queries_logits, -1)[0, :, :-1]
    values = torch.log(to((p[:, :, None, None] * share[0][:, None]).sum(0)[None], x.shape[2:])[0])
    inside = values.argmax(dim=0) == 1
    assert 0 < int(inside.sum()) < inside.numel()
    score = values[1][inside].double().sum()
    (gradient,) = torch.autograd.grad(score, kept[0])
    truth = (gradient * kept[0]).sum(dim=1)[0].detach().numpy()
    assert found.score == pytest.approx(float(score.detach()), rel=1e-4)
    np.testing.assert_allclose(found.map[0], truth, rtol=1e-3, atol=1e-4 * np.abs(truth).max())


def test_opening_draws_no_bar_of_the_librarys_and_leaves_its_settings(small, capfd):
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    capfd.readouterr()
    open_model(str(small))
    told = capfd.readouterr()
    assert (told.out, told.err) == ("", "")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
