import dataclasses

import numpy as np
import pytest
import torch
from made import accuracy, linear_context, prepared, rng_of
from sklearn.feature_extraction.text import TfidfVectorizer

from mdshift.errors import UsageError
from mdshift.learners.base import Texts
from mdshift.nn import augment as images
from mdshift.nn import words
from mdshift.nn.plan import Phase
from mdshift.strategies.augment import Augment
from strategies.networlds import bright, right, run, source_net

SIDE = 8


@pytest.fixture
def few_steps(monkeypatch):
    monkeypatch.setattr(Phase, "steps", lambda self, rows: 60)


def pictures(piece, n=64, m=100, seed=0, turned=False):
    """Images of two classes, drawn by piece(y, rng); the target's are turned by a quarter."""
    rng = np.random.default_rng(seed)

    def drawn(size, quarters):
        y = np.arange(size) % 2
        out = np.stack([np.rot90(piece(k, rng), quarters) for k in y])
        return (out + rng.normal(0, 0.1, out.shape)).reshape(size, -1), y

    X, y = drawn(n, 0)
    Xt, yt = drawn(m, int(turned))
    p = prepared(X, y, Xt, modality="image", kinds=["pixel"] * SIDE**2)
    return dataclasses.replace(p, shape=(1, SIDE, SIDE)), yt


def bars(k, rng):
    """One thick bar, or two thin ones with a gap."""
    out, at = np.zeros((SIDE, SIDE)), rng.integers(0, SIDE - 3)
    out[:, [at, at + 1] if k else [at, at + 3]] = 1
    return out


def halves(k, rng):
    """Something on the left, or on the right."""
    out, at = np.zeros((SIDE, SIDE)), rng.integers(0, SIDE - 2)
    out[at : at + 3, 5 * k : 5 * k + 3] = 1
    return out


def test_the_targets_style_bridges_to_it(monkeypatch):
    monkeypatch.setattr(Phase, "steps", lambda self, rows: 120)
    p, yt = bright(n=64, m=64, side=8)
    found = run("augment", p, kinds="style+noise:0.05")
    assert right(found.predictor, p, yt) > right(source_net(p), p, yt) + 0.2
    assert found.evidence["kinds"] == {"style": 1.0, "noise": 0.05}


@pytest.mark.usefixtures("few_steps")
def test_turned_copies_serve_a_turned_target():
    p, yt = pictures(bars, turned=True)
    assert right(run("augment", p, kinds="rotate:90").predictor, p, yt) > right(source_net(p), p, yt) + 0.2


@pytest.mark.usefixtures("few_steps")
def test_mirrored_copies_break_classes_that_are_each_others_mirror():
    p, yt = pictures(halves)
    assert right(source_net(p), p, yt) > 0.9
    assert right(run("augment", p, kinds="flip").predictor, p, yt) < 0.75


def rare(seed, share):
    """Two classes, one with a twentieth of the source's rows; the target's share of it is given."""
    rng = np.random.default_rng(seed)

    def rows(size, part):
        y = (rng.random(size) < part).astype(int)
        y[:8] = np.arange(8) % 2
        return rng.normal(size=(size, 6)) + 1.2 * y[:, None] * np.array([1, 1, 0, 0, 0, 0]), y

    X, y = rows(300, 0.05)
    Xt, yt = rows(1000, share)
    return prepared(X, y, Xt), yt


@pytest.mark.parametrize(("share", "gain"), [(0.5, 0.1), (0.05, -0.05)])
def test_a_rare_class_is_filled_up_which_pays_where_the_target_has_more_of_it(share, gain):
    gains = []
    for seed in range(5):
        p, yt = rare(seed, share)
        c = linear_context(p, seed)
        found = Augment(kinds="smote").run(p, c)
        assert found.evidence["added_rows"] == abs(np.bincount(p.y_source) @ [1, -1])
        gains.append(accuracy(found.predictor.scores(p.X_target), yt) - accuracy(c.base.scores(p.X_target), yt))
    assert np.mean(gains) > gain if gain > 0 else np.mean(gains) < gain


GOOD, BAD, PLAIN = ("joyful", "happy", "smiling"), ("bitter", "angry", "gloomy"), ("usual", "normal", "common")


def told(seed=0, n=240, m=300):
    """Reviews: the target says "superb" and "lousy" where the source says "great" and "awful", in the same company, and rarely more."""
    rng = np.random.default_rng(seed)

    def rows(size, opinions, rest):
        y = rng.integers(0, 2, size)
        texts = []
        for k in y:
            company = PLAIN if rng.random() < rest else (GOOD, BAD)[k]
            texts.append(
                f"The {rng.choice(['room', 'meal', 'view'])} was a {opinions[k]} {rng.choice(company)} thing. We {rng.choice(['came', 'left'])}."
            )
        return np.array(texts, object)[:, None], y

    S, y = rows(n, ("great", "awful"), 0.3)
    T, yt = rows(m, ("superb", "lousy"), 0.7)
    terms = TfidfVectorizer(ngram_range=(1, 2)).fit([t for (t,) in np.concatenate([S, T])])

    def encode(texts):
        return terms.transform([t for (t,) in texts]).toarray().astype(np.float32)

    p = prepared(encode(S), y, encode(T), modality="text", kinds=["text"] * len(terms.vocabulary_))
    return dataclasses.replace(p, texts=Texts(S, T, encode, np.arange(p.X_source.shape[1]))), yt


def test_the_targets_words_for_the_same_are_learnt_from_a_list_or_from_their_company(tmp_path):
    p, yt = told()
    listed = tmp_path / "words.txt"
    listed.write_text("# opinions\ngreat: superb\nawful: lousy\n", "utf-8")
    c = linear_context(p, C=10.0)
    plain = accuracy(c.base.scores(p.X_target), yt)
    by_list = Augment(kinds="synonyms:0.5", synonyms=str(listed)).run(p, c)
    assert accuracy(by_list.predictor.scores(p.X_target), yt) > plain + 0.1
    by_company = Augment(kinds="synonyms:0.5").run(p, c)
    assert accuracy(by_company.predictor.scores(p.X_target), yt) > plain + 0.05
    found = words.neighbours(list(p.texts.source[:, 0]), list(p.texts.target[:, 0]), rng_of()("words"))
    assert "superb" in found["great"]
    assert "lousy" not in found["great"]


def test_texts_keep_what_is_not_replaced():
    rng = np.random.default_rng(0)
    assert words.replaced("A big dog, a BIG cat.", {"big": ("large",)}, 1.0, rng) == "A large dog, a large cat."
    assert words.replaced("A big dog", {"big": ("large",)}, 0.0, rng) == "A big dog"
    once = words.reordered("One. Two! Three?", 1.0, np.random.default_rng(1))
    assert sorted(once.split()) == ["One.", "Three?", "Two!"]
    assert {words.reordered("One. Two!", 1.0, np.random.default_rng(i)) for i in range(8)} == {"One. Two!", "Two! One."}


def test_new_rows_lie_between_two_of_their_class():
    X = np.array([[0, 0], [1, 1], [0, 2], [5, 5], [6, 7], [5, 6]], np.float32)
    y = np.array([0, 0, 0, 1, 1, 1])
    kinds = np.array(["number", "indicator"])
    new, of = words.smote(np.concatenate([X, X[:3] + 0.1]), np.append(y, [0, 0, 0]), kinds, 1.0, np.random.default_rng(0))
    assert of.tolist() == [1, 1, 1]
    assert ((new[:, 0] >= 5) & (new[:, 0] <= 6)).all()
    assert set(new[:, 1].tolist()) <= {5.0, 6.0, 7.0}
    same, none = words.smote(X, y, kinds, 1.0, np.random.default_rng(0))
    assert len(same) == len(none) == 0


def drawn(n=6, shape=(2, 8, 6), seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, 96, generator=g), shape, g


def test_fourier_takes_the_low_amplitudes_and_keeps_all_else():
    x, shape, _ = drawn()
    z = drawn(seed=1)[0] + 1.5
    out = images.fourier(x, z, shape, 0.0).reshape(-1, *shape)
    torch.testing.assert_close(out.mean((2, 3)), z.reshape(-1, *shape).mean((2, 3)))  # the lowest frequency is the mean
    kept = [torch.fft.fft2(v.reshape(-1, *shape))[..., 1, 2] for v in (out, x)]
    torch.testing.assert_close(*kept)
    wide = torch.fft.fft2(images.fourier(x, z, shape, 0.25).reshape(-1, *shape))
    torch.testing.assert_close(wide[..., 1, 1].abs(), torch.fft.fft2(z.reshape(-1, *shape))[..., 1, 1].abs())
    torch.testing.assert_close(wide[..., 1, 1].angle(), torch.fft.fft2(x.reshape(-1, *shape))[..., 1, 1].angle())
    torch.testing.assert_close(images.fourier(x, x, shape, 0.5), x, atol=1e-5, rtol=1e-4)


def test_style_takes_each_channels_mean_and_spread():
    x, shape, _ = drawn()
    z = 3 + 2 * drawn(seed=1)[0]
    out = images.style(x, z, shape, 1.0).reshape(-1, *shape)
    torch.testing.assert_close(out.std((2, 3)), z.reshape(-1, *shape).std((2, 3)))
    torch.testing.assert_close(out.mean((2, 3)), z.reshape(-1, *shape).mean((2, 3)))
    torch.testing.assert_close(images.style(x, z, shape, 0.0), x)


def test_a_box_of_another_image_has_the_share_that_its_label_gets():
    x = torch.arange(4.0)[:, None].expand(4, 100)
    g = torch.Generator().manual_seed(3)
    out, other, share = images.blended(x, (1, 10, 10), "cutmix", 1.0, g)
    for i in range(4):
        if other[i] != i:
            assert float((out[i] == i).float().mean()) == pytest.approx(share)
    out, other, share = images.blended(x, (1, 10, 10), "mixup", 1.0, g)
    torch.testing.assert_close(out[:, 0], share * x[:, 0] + (1 - share) * x[other, 0])


@pytest.mark.parametrize("name", images.PLAIN)
def test_every_change_changes_and_none_does_at_strength_0(name):
    x, shape, g = drawn()
    out = images.PLAIN[name](x, shape, 0.0, g)
    torch.testing.assert_close(out, x, atol=1e-4, rtol=1e-4)
    out = images.PLAIN[name](x, shape, {"rotate": 45.0}.get(name, 0.9), g)
    assert out.shape == x.shape
    assert float((out - x).abs().mean()) > 0.05


def test_mirrors_and_quarter_turns_are_exact():
    x, shape, g = drawn()
    torch.testing.assert_close(images.flip(x, shape, 1.0, g).reshape(-1, *shape), x.reshape(-1, *shape).flip(3))


@pytest.mark.parametrize(("kinds", "what"), [("rotat", "unknown augmentation"), ("rotate:400", "strength"), ("noise:x", "strength")])
def test_what_it_does_not_know_it_says(kinds, what):
    p, _ = bright(n=20, m=20)
    with pytest.raises(UsageError, match=what) as told:
        Augment(kinds=kinds).chosen(p)
    assert told.value.hint


def test_words_that_all_keep_the_same_company_have_no_synonyms():
    texts = [f"{a} {b}" for a in ("one", "two", "three", "four") for b in ("one", "two", "three", "four")]
    assert words.neighbours(texts, texts, rng_of()("words")) == {}


def test_a_file_of_synonyms_must_have_the_form(tmp_path):
    (tmp_path / "w").write_text("good fine\n", "utf-8")
    with pytest.raises(UsageError, match="after a colon"):
        words.read_synonyms(str(tmp_path / "w"))
    with pytest.raises(UsageError, match="cannot be read"):
        words.read_synonyms(str(tmp_path / "none"))
    (tmp_path / "bytes").write_bytes(b"\xff\xfe: a")
    with pytest.raises(UsageError, match="no text in UTF-8"):
        words.read_synonyms(str(tmp_path / "bytes"))
