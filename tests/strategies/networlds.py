"""Small problems on which networks are adapted, and how strategies are run on them."""

import dataclasses
from functools import cache

import numpy as np
from made import accuracy, prepared, rng_of

from mdshift.declare import configure, lookup
from mdshift.learners.base import Context
from mdshift.learners.net import Net

PLACES = np.array([[2.0, 0, 0, 0, 0], [0, 2.0, 1, 0, 0], [-2.0, -1, 0, 1, 0]])


def blobs(n, rng, prior=(1 / 3, 1 / 3, 1 / 3)):
    """Three classes around places in five dimensions."""
    y = rng.choice(3, n, p=prior)
    y[:3] = np.arange(3)
    return PLACES[y] + 0.6 * rng.normal(size=(n, 5)), y


def moved(seed=0, n=300, m=300, *, gain=1.6, offset=2.5, prior=(1 / 3, 1 / 3, 1 / 3), labels=0):
    """The target's sensor has another gain and offset in each feature: P(Y | what was measured) is the same."""
    rng = np.random.default_rng(seed)
    X, y = blobs(n, rng)
    Xt, yt = blobs(m, rng, prior)
    signs = np.array([1, -1, 1, -1, 1])
    Xt = Xt * float(gain) ** signs + offset * signs
    shown = np.where(np.arange(m) < labels, yt, -1)
    return prepared(X, y, Xt, shown, modality="array"), yt


def moved_number(seed=0, n=300, m=300):
    """The same with a number to predict."""
    rng = np.random.default_rng(seed)
    X, Xt = rng.normal(size=(n, 4)), rng.normal(size=(m, 4))
    y, yt = (5 + 2 * np.tanh(A[:, 0]) + A[:, 1] for A in (X, Xt))
    return prepared(X, y, Xt * 1.5 + np.array([2.0, -2.0, 1.0, 0.0]), modality="array"), yt


def rotated(seed=0, n=400, m=400, labels=80):
    """The target's concept is the source's turned by 60 degrees, in a plane of many dimensions."""
    rng = np.random.default_rng(seed)
    X, Xt = rng.normal(size=(n, 8)), rng.normal(size=(m, 8))
    a = np.pi / 3
    y = (X[:, 0] > 0).astype(int) + 2 * (X[:, 1] > 0)
    u, v = np.cos(a) * Xt[:, 0] + np.sin(a) * Xt[:, 1], -np.sin(a) * Xt[:, 0] + np.cos(a) * Xt[:, 1]
    yt = (u > 0).astype(int) + 2 * (v > 0)
    shown = np.where(np.arange(m) < labels, yt, -1)
    return prepared(X, y, Xt, shown, modality="array"), yt


def bright(seed=0, n=120, m=120, side=10):
    """Images of one bar across or down; the target's are inverted in contrast, brighter and noisier."""
    rng = np.random.default_rng(seed)

    def drawn(size):
        y = rng.integers(0, 2, size)
        images = np.zeros((size, side, side))
        for i, at in enumerate(rng.integers(1, side - 1, size)):
            images[(i, slice(None), at) if y[i] else (i, at, slice(None))] = 1
        return images + rng.normal(0, 0.2, images.shape), y

    X, y = drawn(n)
    Xt, yt = drawn(m)
    p = prepared(X.reshape(n, -1), y, (3 + 0.3 * Xt).reshape(m, -1), modality="image", kinds=["pixel"] * side**2)
    return dataclasses.replace(p, shape=(1, side, side)), yt


def source_net(p, seed=0):
    return Net().fit(p, p.X_source, p.y_source, rng_of(seed)("net"))


@cache
def before(world, measure, **made):
    """The source network's score on a problem (trained once for all tests that ask)."""
    p, yt = world(**made)
    return measure(source_net(p), p, yt)


def run(name, p, seed=0, *, base=None, start=None, **settings):
    """What the strategy leaves on this problem."""
    context = Context(rng_of(seed), Net(), base, start=start)  # networks train from scratch: only Correct reads the base
    return configure(lookup("strategy", name), settings).run(p, context)


def hidden(yt, p):
    """The positions of the target rows whose label the strategy does not see, and their labels."""
    return ~p.labelled, yt[~p.labelled]


def right(predictor, p, yt):
    """Accuracy on the target rows whose label the strategy did not see."""
    rows, y = hidden(yt, p)
    return accuracy(predictor.scores(p.X_target[rows]), y)


def squared(predictor, p, yt):
    """Mean squared error on the target."""
    return float(((predictor.scores(p.X_target)[:, 0] - yt) ** 2).mean())
