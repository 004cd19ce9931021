import numpy as np
import pytest
import torch

from strategies.networlds import before, right, rotated, run, source_net


@pytest.mark.parametrize("fresh", [True, False])
def test_a_new_head_on_the_sources_features_reads_the_turned_concept(fresh):
    p, yt = rotated()
    assert right(run("feature-extraction", p, fresh=fresh).predictor, p, yt) > before(rotated, right) + 0.3


def test_the_backbone_stays_as_it_was_bit_by_bit():
    p, _ = rotated(n=100, m=100, labels=40)
    start = source_net(p)
    found = run("feature-extraction", p, start=start).predictor.network
    assert all(torch.equal(v, found.backbone.state_dict()[k]) for k, v in start.network.backbone.state_dict().items())
    assert not torch.equal(found.head.weight, start.network.head.weight)


def test_a_class_that_only_the_target_has_can_be_learnt():
    p, yt = rotated()
    kept = p.y_source != 3
    import dataclasses

    p = dataclasses.replace(p, X_source=p.X_source[kept], y_source=p.y_source[kept], domain=p.domain[kept])
    scores = run("feature-extraction", p).predictor.scores(p.X_target)
    rows = ~p.labelled & (yt == 3)
    assert (scores[rows].argmax(1) == 3).mean() > 0.5
    assert np.isfinite(scores).all()
