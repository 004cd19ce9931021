import numpy as np

from mdshift.stats.memory import herding, nearest_mean, reservoir


def test_the_reservoir_is_a_uniform_sample_of_all_that_passed():
    counts = np.zeros(30)
    for seed in range(3000):
        rng = np.random.default_rng(seed)
        rows, past = np.zeros(0, int), 0
        for start in (0, 10, 20):
            seen = np.concatenate([rows, np.arange(start, start + 10)])
            rows = seen[reservoir(seen[:, None], seen, len(rows), past, 6, rng)]
            past += 10
        counts[rows] += 1
    assert abs(counts / 3000 - 0.2).max() < 0.035  # 4.8 standard errors


def test_a_reservoir_with_room_keeps_everything():
    X = np.zeros((5, 1))
    np.testing.assert_array_equal(reservoir(X, np.zeros(5), 2, 2, 9, np.random.default_rng(0)), np.arange(5))
    assert len(reservoir(X, np.zeros(5), 0, 0, 0, np.random.default_rng(0))) == 0


def test_herding_takes_the_rows_whose_mean_is_nearest_by_hand():
    X = np.array([[0.0], [1.0], [2.0], [9.0]])  # mean 3
    np.testing.assert_array_equal(nearest_mean(X, 2), [2, 1])  # 2 is nearest; then (2 + 1) / 2 is nearer than (2 + 9) / 2 or (2 + 0) / 2


def test_herding_beats_chance_at_keeping_the_mean_and_serves_all_classes():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 5)), np.repeat([0, 1], [380, 20])
    kept = herding(X, y, 0, 0, 40, rng)
    assert np.bincount(y[kept]).tolist() == [20, 20]
    own = kept[y[kept] == 0]
    off = np.linalg.norm(X[own].mean(0) - X[:380].mean(0))
    chance = np.mean([np.linalg.norm(X[rng.choice(380, 20, replace=False)].mean(0) - X[:380].mean(0)) for _ in range(50)])
    assert off < 0.5 * chance
    assert len(herding(X, X[:, 0], 0, 0, 40, rng)) == 40
