import numpy as np
import pytest

from mdshift.learners.encode import CLIP, Encoder, fit_encoder, prepare
from mdshift.types import MISSING, UNKNOWN, Column, Domain, Problem, Schema


def domain(name="s", *, numbers=None, categories=None, texts=None, images=None, y=None):
    n = next(len(v) for v in (numbers, categories, texts, images) if v is not None)
    return Domain(
        name=name,
        numbers=np.zeros((n, 0)) if numbers is None else np.asarray(numbers, dtype=float),
        categories=np.zeros((n, 0), np.int32) if categories is None else np.asarray(categories, dtype=np.int32),
        texts=np.zeros((n, 0), object) if texts is None else np.asarray(texts, dtype=object),
        images=images,
        y=y,
        index=np.arange(n),
        rows=n,
    )


def numeric(k):
    return Schema("table", tuple(Column(f"n{i}", "number") for i in range(k)))


def test_numbers_are_standardised_on_the_source_and_missing_ones_get_the_median():
    rng = np.random.default_rng(0)
    v = rng.normal(5, 3, (500, 2))
    v[:100, 1] = np.nan
    encoder = Encoder.fit(numeric(2), [domain(numbers=v)])
    X = encoder.transform(domain(numbers=v))
    assert list(encoder.kinds) == ["number", "number", "indicator"]
    assert encoder.names[2] == "n1 is missing"
    np.testing.assert_allclose(X[:, 0].mean(), 0, atol=0.05)
    np.testing.assert_allclose(X[:, 0].std(), 1, atol=0.05)
    np.testing.assert_array_equal(X[:, 2], [1.0] * 100 + [0.0] * 400)
    filled = (np.nanmedian(v[:, 1]) - encoder.center[1]) / encoder.scale[1]
    np.testing.assert_allclose(X[:100, 1], filled, rtol=1e-5)


@pytest.mark.parametrize("wild", [1e150, -1e150, np.nan])
def test_no_value_reaches_a_model_that_is_not_finite(wild):
    v = np.random.default_rng(1).normal(size=(50, 3))
    v[:, 2] = np.nan  # nothing there in the source
    encoder = Encoder.fit(numeric(3), [domain(numbers=v)])
    X = encoder.transform(domain(numbers=np.full((4, 3), wild)))
    assert np.isfinite(X).all()
    assert np.abs(X).max() <= CLIP


def test_one_wild_value_does_not_set_the_scale():
    v = np.random.default_rng(2).normal(size=(2000, 1))
    v[0] = 1e150
    X = Encoder.fit(numeric(1), [domain(numbers=v)]).transform(domain(numbers=v[1:]))
    assert 0.8 < X.std() < 1.2


def test_heavy_tails_are_taken_on_the_logarithmic_scale():
    v = np.exp(np.random.default_rng(3).normal(0, 2, (1000, 1)))
    encoder = Encoder.fit(numeric(1), [domain(numbers=v)])
    assert encoder.logs[0]
    assert not Encoder.fit(numeric(1), [domain(numbers=np.log(v))]).logs[0]


def test_a_column_of_an_array_is_scaled_by_itself_however_little_it_moves():
    v = np.random.default_rng(3).normal(size=(200, 8))
    quiet = v.copy()
    quiet[:, 0] *= 1e-3
    schema = Schema("array", numeric(8).columns)
    X, Q = (Encoder.fit(schema, [domain(numbers=a)]).transform(domain(numbers=a)) for a in (v, quiet))
    np.testing.assert_allclose(X, Q, atol=1e-4)


@pytest.mark.parametrize("unit", [1e-150, 1e-12, 1e12])
def test_a_column_counts_in_any_unit(unit):
    v = np.random.default_rng(0).normal(5, 3, (500, 1))
    plain, found = (Encoder.fit(numeric(1), [domain(numbers=w)]).transform(domain(numbers=w)) for w in (v, v * unit))
    np.testing.assert_allclose(found, plain, rtol=1e-4, atol=1e-5)


def test_what_rounding_left_of_a_constant_is_nothing():
    """0.1 + 0.2 is not 0.3, and the mean of a constant is not the constant itself."""
    v = np.full((500, 2), [0.3, 1e9 / 3])
    v[::2, 0] = 0.1 + 0.2
    assert v[0, 0] != v[1, 0]
    encoder = Encoder.fit(numeric(2), [domain(numbers=v)])
    assert not encoder.transform(domain(numbers=v)).any()
    assert encoder.transform(domain(numbers=v + 2)).all()  # what a target alone shows is no rounding


def test_a_constant_of_many_rows_is_one_and_large_whole_numbers_are_not():
    """The mean of 200,000 times .1 is off by more than .1 is rounded by."""
    v = np.full((200_000, 2), [0.1, 1e10])
    v[::2, 1] += 1
    encoder = Encoder.fit(numeric(2), [domain(numbers=v)])
    X = encoder.transform(domain(numbers=v[:10]))
    assert not X[:, 0].any()
    assert encoder.scale[0] == 1
    np.testing.assert_allclose(np.abs(X[:, 1]), 1, atol=0.1)


def test_categories_unknown_rare_and_missing_have_their_columns():
    schema = Schema("table", (Column("c", "category", ("a", "b", "new"), 2),))
    source = domain(categories=[[0], [0], [1]])
    encoder = Encoder.fit(schema, [source])
    assert encoder.names == ["c = a", "c = b", "c = (other)", "c = (missing)"]
    X = encoder.transform(domain(categories=[[1], [2], [UNKNOWN], [MISSING]]))
    np.testing.assert_array_equal(X, [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def test_texts_share_a_vocabulary_with_the_unlabelled_target():
    schema = Schema("text", (Column("text", "text"),))
    s = domain(texts=[["a good film"], ["a bad film"], ["good"]], y=np.array([1, 0, 1]))
    t = domain("t", texts=[["a good meal"], ["a bad meal"], ["meal"]])
    encoder = fit_encoder(Problem((s,), t, schema, "classification", "y", ("0", "1"), 2))
    assert {"text: meal", "text: good"} <= set(encoder.names)
    X = encoder.transform(t)
    length = np.sqrt((X.astype(float) ** 2).sum(axis=1))
    np.testing.assert_allclose(length, length[0], rtol=1e-5)
    assert not encoder.transform(domain(texts=[["unheard of"]])).any()


def test_images_become_standardised_pixels_channel_first():
    images = np.random.default_rng(4).integers(0, 256, (6, 5, 4, 3)).astype(np.uint8)
    schema = Schema("image", (), image_shape=(5, 4, 3))
    encoder = Encoder.fit(schema, [domain(images=images)])
    X = encoder.transform(domain(images=images))
    assert X.shape == (6, 60)
    assert encoder.shape == (3, 5, 4)
    np.testing.assert_allclose([X.mean(), X.std()], [0, 1], atol=1e-4)
    back = X.reshape(6, 3, 5, 4) * encoder.pixel[1] + encoder.pixel[0]
    np.testing.assert_allclose(back.transpose(0, 2, 3, 1), images, atol=1e-3)


def test_restored_encoder_gives_the_same_bytes():
    rng = np.random.default_rng(5)
    schema = Schema("table", (Column("n", "number"), Column("c", "category", ("a", "b"), 2), Column("t", "text")))
    d = domain(numbers=rng.normal(size=(9, 1)), categories=rng.integers(-2, 2, (9, 1)), texts=[["red wine"]] * 9)
    encoder = Encoder.fit(schema, [d])
    again = Encoder.restore(encoder.state(), schema)
    assert encoder.transform(d).tobytes() == again.transform(d).tobytes()
    assert len(encoder.names) == len(encoder.kinds) == encoder.transform(d).shape[1]


def test_prepare_keeps_labelled_source_rows_and_every_target_row():
    a = domain("a", numbers=np.zeros((3, 1)), y=np.array([0, MISSING, 1]))
    b = domain("b", numbers=np.ones((2, 1)), y=np.array([1, 0]))
    t = domain("t", numbers=np.ones((4, 1)))
    problem = Problem((a, b), t, numeric(1), "classification", "y", ("n", "p"), 2)
    prepared = prepare(problem, fit_encoder(problem))
    np.testing.assert_array_equal(prepared.y_source, [0, 1, 1, 0])
    np.testing.assert_array_equal(prepared.domain, [0, 0, 1, 1])
    np.testing.assert_array_equal(prepared.y_target, [MISSING] * 4)
    assert not prepared.labelled.any()
    assert prepared.n_sources == 2


def test_an_empty_domain_is_encoded_as_no_rows():
    v = np.random.default_rng(6).normal(size=(20, 2))
    assert Encoder.fit(numeric(2), [domain(numbers=v)]).transform(domain(numbers=v[:0])).shape == (0, 2)
