"""Problems made for tests: prepared ones as matrices, and whole ones of every modality."""

from dataclasses import replace

import numpy as np

from mdshift.declare import generator
from mdshift.learners.base import Context, Prepared
from mdshift.learners.linear import Linear
from mdshift.learners.select import choose, source_model
from mdshift.types import MISSING, Column, Domain, Problem, Schema


def rng_of(seed=0):
    return lambda unit: generator(seed, unit)


def prepared(X, y, Xt=None, yt=None, *, domain=None, task=None, modality="table", kinds=None, classes=None):
    X = np.asarray(X, np.float32)
    y = np.asarray(y)
    task = task or ("classification" if y.dtype.kind in "iu" else "regression")
    y = y.astype(np.int64 if task == "classification" else np.float64)
    Xt = np.zeros((0, X.shape[1]), np.float32) if Xt is None else np.asarray(Xt, np.float32)
    blank = np.full(len(Xt), MISSING, np.int64) if task == "classification" else np.full(len(Xt), np.nan)
    return Prepared(
        X_source=X,
        y_source=y,
        X_target=Xt,
        y_target=blank if yt is None else np.asarray(yt).astype(y.dtype),
        domain=np.zeros(len(y), np.int64) if domain is None else np.asarray(domain, np.int64),
        task=task,
        n_classes=1 if task == "regression" else classes or int(y.max()) + 1,
        modality=modality,
        kinds=np.array(["number"] * X.shape[1]) if kinds is None else np.asarray(kinds),
    )


def context(p, seed=0, learner=None):
    """A context whose source model is a linear one, or the one that cross-validation chooses."""
    rng = rng_of(seed)
    if learner is None:
        choice = choose(p, rng, network=False)
        return Context(rng, choice.learner, source_model(p, choice, rng("model")))
    return Context(rng, learner, learner.fit(p, p.X_source, p.y_source, rng("model")))


def linear_context(p, seed=0, C=1.0):
    return context(p, seed, Linear(C))


def accuracy(scores, y):
    return float((scores.argmax(axis=1) == y).mean())


def domain(name, y, *, numbers=None, categories=None, texts=None, images=None):
    n = next(len(v) for v in (numbers, categories, texts, images) if v is not None)
    return Domain(
        name=name,
        numbers=np.zeros((n, 0)) if numbers is None else np.asarray(numbers, float),
        categories=np.zeros((n, 0), np.int32) if categories is None else np.asarray(categories, np.int32),
        texts=np.zeros((n, 0), object) if texts is None else np.asarray(texts, object),
        images=images,
        y=y,
        index=np.arange(n),
        rows=n,
    )


WORDS = {0: ["good", "fine", "kind", "warm"], 1: ["bad", "poor", "cold", "rude"]}
FILLER = ["the", "a", "movie", "phone", "place", "was", "it"]


def problem(modality="table", task="classification", *, n=60, m=50, sources=1, labelled=0, shift=0.5, seed=0, classes=2):
    """A small problem of any modality: sources, and a target that is shifted by `shift`; `labelled` target rows carry labels."""
    rng = np.random.default_rng(seed)
    names = tuple(f"class {k}" for k in range(classes)) if task == "classification" else ()

    def rows(size, by):
        k = rng.integers(0, classes, size)
        k[:classes] = np.arange(classes)
        y = k.astype(np.int64) if task == "classification" else k + rng.normal(0, 0.2, size)
        if modality == "table":
            category = np.where(rng.random(size) < 0.7, k % 3, rng.integers(0, 3, size))
            numbers = rng.normal(size=(size, 4)) + 1.2 * k[:, None] * np.array([1, -1, 0, 0]) + by
            numbers[rng.random((size, 4)) < 0.03] = np.nan
            return {"numbers": numbers, "categories": category[:, None]}, y
        if modality == "array":
            return {"numbers": rng.normal(size=(size, 12)) + k[:, None] * np.linspace(-1, 1, 12) + by}, y
        if modality == "text":
            told = [" ".join(rng.choice(WORDS[int(v) % 2] + FILLER, 8)) for v in k]
            return {"texts": np.array(told, object)[:, None]}, y
        image = rng.integers(0, 60, (size, 8, 8, 1))
        image[np.arange(size), k % 8, :, :] += 120
        return {"images": np.clip(image + 40 * by, 0, 255).astype(np.uint8)}, y

    def made(name, size, by):
        parts, y = rows(size, by)
        return domain(name, y, **parts)

    def schema():
        if modality == "table":
            numbers = tuple(Column(f"n{j}", "number") for j in range(4))
            return Schema("table", (*numbers, Column("c", "category", ("red", "green", "blue"), 3)))
        if modality == "array":
            return Schema("array", tuple(Column(f"x{j}", "number") for j in range(12)))
        if modality == "text":
            return Schema("text", (Column("text", "text"),))
        return Schema("image", (), image_shape=(8, 8, 1))

    found = tuple(made(f"s{i}", n, 0.1 * i) for i in range(sources))
    target = made("t", m, shift)
    y = np.array(target.y)
    y[labelled:] = MISSING if task == "classification" else np.nan
    return Problem(found, replace(target, y=y if labelled else None), schema(), task, "y", names, classes if names else 0)


def numeric(X, y, Xt, yt, names=("a", "b"), *, domains=None):
    """A classification problem of numbers alone."""
    schema = Schema("table", tuple(Column(f"x{j}", "number") for j in range(X.shape[1])))
    sources = (
        [domain("s", y, numbers=X)]
        if domains is None
        else [domain(f"s{k}", y[domains == k], numbers=X[domains == k]) for k in np.unique(domains)]
    )
    return Problem(tuple(sources), domain("t", yt, numbers=Xt), schema, "classification", "y", names, len(names))


DRIFT = {"ranked": [{"strategy": "consensus"}, {"strategy": "source-only"}], "facts": {"kinds": ["covariate"]}}


def drifted(by=2.0, last=2.0, shown=None, gap=1.0):
    """Two clusters, too far away, by default, for weighted source rows to speak. shown: makes labels (500,) of the target's true ones, -1 for none.

    gap: by how much each class lies off the boundary; with 0 there are no clusters.
    """
    rng = np.random.default_rng(0)
    w = np.array([1.0, -1.0, 0.5, 0.0])
    X, Xt = rng.normal(size=(500, 4)), rng.normal(size=(500, 4))
    labels, truth = ((A @ w > 0).astype(np.int64) for A in (X, Xt))
    X, Xt = (A + gap * np.outer(2 * y - 1, w) / np.linalg.norm(w) for A, y in ((X, labels), (Xt, truth)))
    known = None if shown is None else shown(truth)
    return numeric(X, labels, Xt * [0.5, 1.5, 1, 1] + [by, 0, by, last], known)
