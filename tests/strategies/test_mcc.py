import numpy as np
import torch

from mdshift.declare import configure, lookup
from mdshift.nn import losses, train
from mdshift.nn.backbones import Spec, build
from strategies.networlds import before, moved, right, run


def test_it_beats_the_source_alone_where_classes_are_apart():
    p, yt = moved(0, n=200, m=200)
    assert right(run("mcc", p, epochs=30).predictor, p, yt) > max(0.9, before(moved, right, seed=0, n=200, m=200) + 0.05)


def test_the_targets_predictions_become_sure():
    p, _ = moved(0, n=200, m=200)
    confusion = [np.mean([h["confusion"] for h in run("mcc", p, epochs=30, weight=w).history[-8:]]) for w in (0.0, 1.0)]
    assert confusion[1] < confusion[0]


def test_the_confusion_is_each_members():
    """Of the mean of the members it would be another number: members that cancel out look torn though each is sure."""
    generator = torch.Generator().manual_seed(2)
    network = build(Spec(6, 3, "classification", width=32, depth=1, members=4), generator).eval()
    with torch.no_grad():
        network.head.weight.mul_(40.0)
    x, empty = torch.randn(50, 6, generator=generator), torch.empty(0, 6)
    y, none = torch.arange(50) % 3, torch.empty(0, dtype=torch.int64)
    step = train.Step(x, y, torch.ones(50), torch.zeros(50), x + 1, empty, none, 1.0, generator, x[:, :0], empty[:, :0])
    state = train.State(network, None, "classification")
    found = configure(lookup("strategy", "mcc"), {}).loss(step, state)[1]["confusion"]
    features = network.features(step.xt)
    own = [losses.class_confusion(outputs, 2.5) for outputs in network.each(features)]
    assert len(own) == 4
    torch.testing.assert_close(found, torch.stack(own).mean())
    assert abs(found - losses.class_confusion(network.head(features), 2.5)) > 0.01
