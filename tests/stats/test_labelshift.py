import numpy as np
import pytest

from mdshift.stats.labelshift import bbse, bootstrap_priors, em_prior, em_priors, estimate_prior, reweigh_prior


def draw(n, prior, rng, gap=1.0):
    """Labels, and the exact posterior under the source's prior (.5, .5), of two unit Gaussians `gap` apart."""
    y = (rng.random(n) < prior).astype(int)
    x = rng.normal(size=n) + gap * y
    p = 1 / (1 + np.exp(-gap * (x - gap / 2)))
    return y, np.column_stack([1 - p, p])


@pytest.mark.parametrize("method", ["em", "bbse"])
@pytest.mark.parametrize("prior", [0.05, 0.5, 0.9])
def test_the_prior_is_found(method, prior):
    rng = np.random.default_rng(0)
    y, ps = draw(4000, 0.5, rng, 2.0)
    pt = draw(4000, prior, rng, 2.0)[1]
    assert estimate_prior(ps, y, pt, method=method)[1] == pytest.approx(prior, abs=0.03)


def test_the_bootstrap_covers_the_truth_as_often_as_it_says():
    hits = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        y, ps = draw(300, 0.5, rng, 1.5)
        draws = bootstrap_priors(ps, y, draw(200, 0.3, rng, 1.5)[1], rng, draws=60)[:, 1]
        low, high = np.quantile(draws, [0.05, 0.95])
        hits += low <= 0.3 <= high
    assert 45 <= hits <= 60  # binomial bound of .90 over 60, at three standard errors


def test_em_raises_the_likelihood_to_its_maximum():
    rng = np.random.default_rng(1)
    p = draw(500, 0.2, rng)[1]
    source = np.array([0.5, 0.5])
    found = em_prior(p, source, tolerance=1e-10)

    def likelihood(q):
        return np.log((p / source) @ np.array([1 - q, q])).sum()

    assert likelihood(found[1]) >= max(likelihood(q) for q in np.linspace(0.01, 0.99, 99)) - 1e-6


def test_a_class_that_the_source_lacks_stays_at_zero():
    p = np.array([[0.7, 0.3, 0.0], [0.2, 0.8, 0.0]])
    assert em_prior(p, np.array([0.5, 0.5, 0.0]))[2] == 0
    np.testing.assert_allclose(reweigh_prior(p, np.array([0.5, 0.5, 0.0]), np.array([0.1, 0.9, 0.0])).sum(axis=1), 1)


def test_without_target_rows_the_source_prior_comes_back():
    np.testing.assert_allclose(em_prior(np.zeros((0, 2)), np.array([3.0, 1.0])), [0.75, 0.25])


def test_bbse_with_a_useless_classifier_falls_back_to_the_source_prior():
    y = np.tile([0, 1], 100)
    flat = np.full((200, 2), 0.5)
    np.testing.assert_allclose(bbse(flat, y, flat), [0.5, 0.5], atol=1e-6)


def test_a_weak_classifier_is_no_reason_to_stop_early():
    rng = np.random.default_rng(2)
    p = draw(2000, 0.3, rng, 0.3)[1]
    source = np.array([0.5, 0.5])
    grid = np.linspace(1e-4, 1 - 1e-4, 20_001)
    likelihood = [np.log((p / source) @ np.array([1 - q, q])).sum() for q in grid]
    assert em_prior(p, source)[1] == pytest.approx(grid[np.argmax(likelihood)], abs=2e-3)


def test_the_bootstrap_is_centred_on_the_estimate_where_the_classifier_is_weak():
    rng = np.random.default_rng(3)
    y, ps = draw(2000, 0.5, rng, 0.6)
    pt = draw(2000, 0.6, rng, 0.6)[1]
    drawn = bootstrap_priors(ps, y, pt, rng, draws=200)[:, 1]
    assert np.median(drawn) == pytest.approx(estimate_prior(ps, y, pt)[1], abs=4 * drawn.std() / np.sqrt(200))


def test_many_samples_at_once_are_each_by_itself():
    rng = np.random.default_rng(4)
    p = rng.dirichlet(np.ones(4), 300)
    sources, counts = rng.dirichlet(np.ones(4) * 5, 6), rng.integers(0, 3, (6, 300)).astype(float)
    sources[0] = [0.5, 0.5, 0, 0]
    found = em_priors(p, sources, counts, tolerance=1e-9)
    for s, c, q in zip(sources, counts, found, strict=True):
        np.testing.assert_allclose(q, em_prior(np.repeat(p, c.astype(int), axis=0), s, tolerance=1e-9), atol=1e-5)
    assert found[0, 2:].tolist() == [0, 0]
