"""Recording less changes no number: forward bit for bit, gradients to rounding."""

import pytest
import torch
from torch import nn

from engine import toys
from seghirescam.cam.passes.capture import forward
from seghirescam.cam.passes.recording import LeanTail


class Mixed(nn.Module):
    """What the lean tail treats specially: groups, dilation, transposed with output padding, cat on both sides."""

    def __init__(self, dims, kind, affine=True):
        super().__init__()
        c, t = toys.conv, toys.transposed
        self.front = c(dims, 1, 4, 3, padding=1)
        self.down = c(dims, 4, 6, 3, stride=2, padding=1)
        self.norm = toys.norm(dims, kind, 6)
        self.grouped = c(dims, 6, 6, 3, padding=2, dilation=2, groups=2, bias=False)
        self.up = t(dims, 6, 6, 3, stride=2, padding=1, output_padding=1, groups=3)
        self.first = c(dims, 10, 5, 3, padding=1)
        self.last = c(dims, 9, 3, 1)

    def forward(self, x):
        skip = self.front(x)
        y = nn.functional.leaky_relu_(self.norm(self.down(skip)), 0.1)
        y = self.up(self.grouped(y))
        y = torch.relu_(self.first(torch.cat((y, skip), dim=1)))
        return self.last(torch.cat([skip, y], 1))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kind", ["none", "batch", "instance"])
@pytest.mark.parametrize("layer", ["front", "down", "norm", "up", "first"])
def test_gradients_through_the_lean_tail_equal_plain_autograd(dims, kind, layer):
    torch.manual_seed(0)
    network = Mixed(dims, kind).double().eval()
    x, weights = toys.image(dims), toys.mask(dims)
    with torch.no_grad():
        plain = network(x)
    done = forward(network, x, [layer])
    assert torch.equal(done.logits.detach(), plain)
    found = done.gradients((done.logits[0, 1] * weights).sum())[layer]

    kept = {}

    def leaf(module, inputs, output):
        kept["leaf"] = output.detach().clone().requires_grad_()
        return kept["leaf"].clone()

    handle = dict(network.named_modules())[layer].register_forward_hook(leaf)
    (truth,) = torch.autograd.grad((network(x)[0, 1] * weights).sum(), kept["leaf"])
    handle.remove()
    assert (found - truth).abs().max() <= 1e-12 * max(1, truth.abs().max())


def test_a_concatenation_changed_in_place_or_used_twice_is_not_split_wrongly():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.front, self.mid = nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 1)
            self.a, self.b = nn.Conv2d(4, 2, 1), nn.Conv2d(4, 2, 1)

        def forward(self, x):
            skip = self.front(x)
            both = torch.cat([self.mid(skip), skip], dim=1)
            first = self.a(both)
            changed = both.mul_(2.0)
            return first + self.b(changed)

    torch.manual_seed(0)
    network, x = Twice().double(), torch.randn(1, 1, 4, 4, dtype=torch.float64)
    done = forward(network, x, ["mid"])
    found = done.gradients(done.logits[0, 1].sum())["mid"][0, :, 0, 0]
    truth = network.a.weight[1, :2, 0, 0] + 2 * network.b.weight[1, :2, 0, 0]
    assert torch.allclose(found, truth)


def test_the_lean_tail_keeps_less_in_memory_than_plain_autograd():
    def saved(lean):
        network = toys.make(kind="batch")
        total = 0

        def count(tensor):
            nonlocal total
            total += tensor.numel()
            return tensor

        x = toys.image(size=16).requires_grad_()
        if lean:
            with LeanTail():
                y = network(x)
            todo, seen = [y.grad_fn], set()
            while todo:  # custom functions keep their tensors in saved_tensors
                node = todo.pop()
                if node is None or node in seen:
                    continue
                seen.add(node)
                names = [n for n in dir(node) if n.startswith("_saved_")]
                total += sum(getattr(node, n).numel() for n in names if isinstance(getattr(node, n), torch.Tensor))
                total += sum(t.numel() for t in getattr(node, "saved_tensors", ()) if t is not None)
                todo += [f for f, _ in node.next_functions]
            return total
        with torch.autograd.graph.saved_tensors_hooks(count, lambda t: t):
            network(x)
        return total

    assert saved(lean=True) < 0.5 * saved(lean=False)


class Computed(nn.Module):
    """A kernel and a norm's scale that are themselves computed from the activation, and a cat by ``axis``."""

    def __init__(self):
        super().__init__()
        self.front, self.make = nn.Conv2d(1, 2, 1), nn.Linear(2, 4)

    def forward(self, x):
        a = self.front(x)
        summary = a.mean(dim=(2, 3))
        a = nn.functional.instance_norm(a, weight=summary[0] * 3)
        kernel = self.make(summary)[0].view(2, 2, 1, 1)
        return nn.functional.conv2d(torch.cat([a, x.expand_as(a)], axis=1)[:, :2], kernel)


def test_weights_that_are_computed_from_activations_keep_their_gradient():
    torch.manual_seed(0)
    network, x = Computed().double(), torch.randn(1, 1, 5, 5, dtype=torch.float64)
    done = forward(network, x, ["front"])
    found = done.gradients((done.logits[0, 1] ** 2).sum())["front"]
    leaf = network.front(x).detach().requires_grad_()
    handle = network.front.register_forward_hook(lambda module, inputs, output: leaf.clone())
    (truth,) = torch.autograd.grad((network(x)[0, 1] ** 2).sum(), leaf)
    handle.remove()
    assert (found - truth).abs().max() < 1e-12 * truth.abs().max()


def test_a_view_made_before_the_target_layer_may_be_changed_in_place_behind_it():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.norm, self.b = nn.Conv2d(1, 2, 1), nn.InstanceNorm2d(2), nn.Conv2d(2, 2, 1)

        def forward(self, x):
            kept = self.norm(self.a(x))  # computed before the target layer
            kept += self.b(self.a(x) * 2)
            return kept

    torch.manual_seed(0)
    network, x = Residual().double(), torch.randn(1, 1, 4, 4, dtype=torch.float64)
    done = forward(network, x, ["b"])
    assert torch.equal(done.gradients(done.logits[0, 1].sum())["b"][0, 1], torch.ones(4, 4, dtype=torch.float64))


def test_an_image_without_its_batch_axis_is_left_to_torch():
    torch.manual_seed(0)
    x, weight = torch.randn(4, 5, 6, dtype=torch.float64, requires_grad=True), torch.randn(3, 4, 1, 1).double()
    with LeanTail():
        (found,) = torch.autograd.grad(nn.functional.conv2d(x, weight).pow(2).sum(), x)
    (truth,) = torch.autograd.grad(nn.functional.conv2d(x, weight).pow(2).sum(), x)
    assert torch.equal(found, truth)
