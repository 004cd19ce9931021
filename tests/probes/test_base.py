import threading

import numpy as np
import pytest
from shifts import pair
from sides import sides

from mdshift.probes import base
from mdshift.probes.base import one_hot, principal_components, standardise, view
from mdshift.types import MISSING, UNKNOWN, Problem


def test_both_sides_are_treated_alike():
    """Swapping the sides swaps the encoded rows and changes nothing else."""
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((40, 2)), np.exp(rng.standard_normal((30, 2)))
    codes = (rng.integers(-1, 4, (40, 1)), rng.integers(0, 6, (30, 1)))
    one, two = sides(X, Y, categories=codes), sides(Y, X, categories=codes[::-1])
    at = [two.names.index(n) for n in one.names]
    assert one.X_source == pytest.approx(two.X_target[:, at], abs=1e-5)
    assert one.X_target == pytest.approx(two.X_source[:, at], abs=1e-5)


def test_names_kinds_and_origins_match_the_columns():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((30, 2))
    X[3, 1] = np.nan
    v = sides(X, X, categories=(rng.integers(0, 2, (30, 1)),) * 2)
    assert v.names == ("x0", "x1", "x1 missing", *(n for n in v.names if n.startswith("c0")))
    assert v.origin.tolist() == [0, 1, 1, 2, 2]
    assert v.kinds.tolist() == ["number", "number", "indicator", "indicator", "indicator"]
    assert v.X_source.dtype == np.float32


def test_wild_missing_and_constant_numbers():
    x = np.array([[1e308, 5, np.nan, 0], [-1e308, 5, np.nan, 0], [1, 5, np.nan, 0], [2, 5, np.nan, 9], [np.nan, 5, np.nan, 0]])
    out, missing = standardise(x)
    assert np.isfinite(out).all()
    assert out[:, 1].tolist() == [0] * 5
    assert out[:, 2].tolist() == [0] * 5
    assert missing.sum() == 6
    spread = np.random.default_rng(2).standard_normal((500, 1)) * 7 + 3
    assert standardise(spread)[0] == pytest.approx((spread - np.median(spread)) / spread.std(), abs=0.1)


def test_rare_levels_share_a_column():
    codes = np.r_[np.repeat(np.arange(50), 3), [MISSING, UNKNOWN]].astype(np.int32)
    block, names = one_hot(codes, tuple(f"v{i}" for i in range(50)))
    assert block.shape == (152, base.LEVELS + 1)
    assert names[-1] == "other"
    assert block.sum(axis=1).tolist() == [1.0] * 152


def test_principal_components_keep_the_distances_of_a_low_rank_matrix():
    rng = np.random.default_rng(3)
    X = (rng.standard_normal((60, 4)) @ rng.standard_normal((4, 300))).astype(np.float32)
    Z = principal_components(X, 10, rng)
    near = lambda M: np.linalg.norm(M[:20, None] - M[None, :20], axis=-1)  # noqa: E731
    a, b = near(X), near(Z)
    assert b / b.max() == pytest.approx(a / a.max(), abs=1e-3)


def test_wide_problems_are_reduced():
    rng = np.random.default_rng(4)
    v = sides(rng.standard_normal((30, base.WIDE + 5)), rng.standard_normal((30, base.WIDE + 5)))
    assert v.X_source.shape[1] <= 200
    assert v.Z_source.shape[1] <= base.NARROW
    assert set(v.kinds) == {"component"}


def test_texts_and_images_become_columns():
    rng = np.random.default_rng(5)
    texts = np.array([["red car"], ["blue car"], ["red bus"], ["blue bus"]] * 6, object)
    images = rng.integers(0, 255, (24, 40, 40, 3), dtype=np.uint8)
    v = sides(texts=(texts, texts), images=(images, images))
    assert {"t0: red", "t0: bus"} <= set(v.names)
    assert (v.kinds == "pixel").sum() == base.SIDE * base.SIDE * 3
    blank = np.array([["..."]] * 24, object)
    assert sides(texts=(blank, blank)).X_source.shape[1] == 0


def test_shared_work_is_done_once_even_side_by_side():
    v, calls = view(pair("none", 30)), []
    threads = [threading.Thread(target=v.once, args=("a", lambda: calls.append(1))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(calls) == 1


def test_rows_are_drawn_once_and_bounded():
    v = view(pair("none", 50, 30))
    assert [len(r) for r in v.rows(40)] == [40, 30]
    assert v.rows(40)[0].tolist() == v.rows(40)[0].tolist()


def test_a_view_needs_a_target():
    problem = pair("none", 30)
    with pytest.raises(ValueError, match="target"):
        view(Problem(problem.sources, None, problem.schema, None, None))
