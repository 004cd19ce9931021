"""A pretrained network out of a local folder: made here, of random weights, since none is shipped."""

import json

import numpy as np
import pytest
from made import problem

from mdshift import store
from mdshift.cli.adapt import check_strategy
from mdshift.engine.adapt import adapt
from mdshift.errors import DataError, EnvironmentFault, MdshiftError, UsageError
from mdshift.learners.embedding import Embedding, opened
from mdshift.learners.encode import fit_encoder, prepare
from mdshift.report.json import document

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """A BERT of two small layers whose weights are drawn once, and a vocabulary of the words in use."""
    import torch

    folder = tmp_path_factory.mktemp("bert")
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "good",
        "fine",
        "kind",
        "warm",
        "bad",
        "poor",
        "cold",
        "rude",
        "the",
        "a",
        "movie",
        "phone",
        "place",
        "was",
        "it",
    ]
    (folder / "vocab.txt").write_text("\n".join(words))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = transformers.BertConfig(
            vocab_size=len(words),
            hidden_size=24,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=66,
        )
        transformers.BertModel(config).save_pretrained(folder)
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    import torch

    folder = tmp_path_factory.mktemp("vit")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = transformers.ViTConfig(
            hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=16, patch_size=8
        )
        transformers.ViTModel(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.4] * 3, "image_std": [0.2] * 3}))
    return str(folder)


@pytest.mark.parametrize("modality", ["text", "image"])
def test_a_model_reads_by_it_and_is_saved_without_it(modality, bert, vit, tmp_path):
    p = problem(modality, n=40, m=30)
    place = bert if modality == "text" else vit
    adapted, model = adapt(p, strategy="coral", backbone=place, out="m", device="cpu")
    assert model.encoder.embedding.place == place
    X = model.encoder.transform(p.target)
    assert X.shape == (30, 24 if modality == "text" else 16)
    assert set(model.encoder.kinds) == {"number"}
    scores = model.predictor.scores(X)
    store.save(model, tmp_path / "m", document("mdshift.adaptation/1", adapted, data={}, settings={}, seconds={}))
    again = store.load(tmp_path / "m")
    np.testing.assert_array_equal(again.predictor.scores(again.encoder.transform(p.target)), scores)
    # a row has the same bits alone and in company
    np.testing.assert_array_equal(model.encoder.transform(p.target.take(np.array([7])))[0], X[7])


def test_features_are_those_of_the_library(bert):
    import torch

    text = "the movie was good"
    tokens = transformers.AutoTokenizer.from_pretrained(bert)(text, return_tensors="pt")
    network = transformers.AutoModel.from_pretrained(bert).eval()
    with torch.no_grad():
        wanted = network(**tokens).last_hidden_state.mean(1)[0].numpy()
    np.testing.assert_allclose(opened(bert).texts(np.array([text], object))[0], wanted, atol=1e-5)


def test_texts_of_any_length_are_read(bert):
    found = opened(bert).texts(np.array(["", "good " * 500, "zzz"], object))
    assert found.shape == (3, 24)
    assert np.isfinite(found).all()


def test_another_network_in_its_place_is_told(bert, tmp_path):
    import shutil

    folder = tmp_path / "other"
    shutil.copytree(bert, folder)
    p = problem("text")
    state = Embedding.fit(str(folder), p.sources).state()
    opened.cache_clear()
    (folder / "config.json").write_text((folder / "config.json").read_text() + " ")
    with pytest.raises(DataError, match="not the one"):
        Embedding.restore(state)
    opened.cache_clear()
    shutil.rmtree(folder)
    with pytest.raises(EnvironmentFault, match="no pretrained network"):
        Embedding.restore(state)


def test_a_table_has_nothing_to_read(bert):
    with pytest.raises(UsageError, match="texts and images"):
        fit_encoder(problem("table"), bert)


@pytest.mark.parametrize("given", ["", "no/such/folder"])
def test_a_folder_without_a_network_is_refused(given, tmp_path):
    with pytest.raises(EnvironmentFault, match="no pretrained network"):
        fit_encoder(problem("text"), str(tmp_path / given))


def test_weights_that_cannot_be_read_are_told_in_a_sentence(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "nonsense"}')
    (tmp_path / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(MdshiftError, match="cannot be read"):
        fit_encoder(problem("text"), str(tmp_path))


def test_scales_are_of_the_source(bert):
    p = problem("text", n=50, m=40)
    q = prepare(p, fit_encoder(p, bert))
    assert q.modality == "array"
    np.testing.assert_allclose(q.X_source.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(q.X_source.std(0), 1, atol=1e-3)


def test_it_is_a_setting_of_every_strategy():
    assert check_strategy("auto", {"backbone": "x"}) == {"backbone": "x"}
    assert check_strategy("coral", {"backbone": "x", "regularisation": "2"}) == {"regularisation": 2.0, "backbone": "x"}
