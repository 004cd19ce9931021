import numpy as np
import torch
from made import prepared

from mdshift.nn.adversarial import attack
from strategies.networlds import right, run, squared


def weak(seed=0, n=300, m=600, noise=0.0, even=False):
    """One strong feature that tells the class in most rows, and forty weak ones that together tell it in the source; the target's are attacked.

    even: the weak ones are as they were.
    """
    rng = np.random.default_rng(seed)

    def drawn(size, weakly):
        y = rng.integers(0, 2, size)
        strong = np.where(rng.random(size) < 0.1, -1, 1) * (2 * y - 1)
        X = rng.normal(size=(size, 41)) + weakly * (2 * y[:, None] - 1)
        X[:, 0] = strong + 0.2 * rng.normal(size=size)
        return X, y

    X, y = drawn(n, 0.3)
    Xt, yt = drawn(m, 0.3 if even else -0.1)
    return prepared(X, y, Xt, modality="array"), yt


def test_small_changes_that_mislead_weak_features_are_withstood():
    p, yt = weak()
    plain, hardened = (right(run("augment-adversarial", p, epsilon=e, share=1.0, epochs=20).predictor, p, yt) for e in (0.0, 0.4))
    assert hardened > plain + 0.05


def test_a_clean_target_pays_for_it():
    p, yt = weak(even=True)
    plain, hardened = (right(run("augment-adversarial", p, epsilon=e, share=1.0, epochs=20).predictor, p, yt) for e in (0.0, 0.8))
    assert hardened < plain - 0.02


def test_one_step_goes_along_the_sign_of_the_gradient():
    x, w = torch.zeros(2, 3), torch.tensor([1.0, -2.0, 0.5])
    found = attack(lambda z: (z @ w).sum(), x, 0.1, 1, torch.Generator())
    np.testing.assert_allclose(found, 0.1 * np.sign(w.numpy())[None].repeat(2, 0), rtol=1e-6)


def test_more_steps_find_a_worse_place_within_the_same_bounds():
    x = torch.zeros(50, 1)

    def loss(z):  # beyond 0.05 the slope at 0 leads astray
        return (-((z - 0.05) ** 2)).sum()

    one, many = (attack(loss, x, 0.3, steps, torch.Generator().manual_seed(0)) for steps in (1, 20))
    assert float(loss(many)) > float(loss(one))
    assert float(many.abs().max()) <= 0.3 + 1e-6


def test_numbers_too():
    rng = np.random.default_rng(0)
    X, Xt = rng.normal(size=(150, 3)), rng.normal(size=(150, 3))
    p = prepared(X, X[:, 0], Xt, modality="array")
    assert squared(run("augment-adversarial", p, epsilon=0.1, steps=3, epochs=20).predictor, p, Xt[:, 0]) < 0.3
