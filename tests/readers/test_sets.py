"""The open data sets beside the repository, where they are there."""

from pathlib import Path

import numpy as np
import pytest

from mdshift.readers.load import load
from mdshift.types import DataSpec

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

pytestmark = [pytest.mark.data, pytest.mark.skipif(not DATA.is_dir(), reason="the open data sets are not here")]

SETS = {  # modality, task, columns, classes
    "adult_origin": ("table", "classification", 12, 2),
    "amazon_reviews_bow": ("table", "classification", 1001, 2),
    "beijing_air": ("table", "regression", 15, 0),
    "bike_sharing": ("table", "regression", 11, 0),
    "california_housing": ("table", "regression", 8, 0),
    "coil20": ("array", "classification", 1024, 20),
    "digits": ("array", "classification", 256, 10),
    "digits_images": ("image", "classification", 0, 10),
    "elec2": ("table", "classification", 8, 2),
    "heart_disease": ("table", "classification", 13, 2),
    "mushroom": ("table", "classification", 21, 2),
    "newsgroups_comp_sci": ("array", "classification", 1000, 2),
    "office_caltech_surf": ("array", "classification", 800, 10),
    "promise_defects": ("table", "classification", 20, 2),
    "school_exam": ("table", "regression", 27, 0),
    "sentiment_sentences": ("text", "classification", 1, 2),
    "spamassassin_stream": ("array", "classification", 500, 2),
    "student_performance": ("table", "regression", 31, 0),
    "wine_quality": ("table", "regression", 11, 0),
    "wisdm_users": ("table", "classification", 42, 6),
}


@pytest.mark.parametrize("name", SETS)
def test_every_set_is_read(name):
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip("this set is not here")
    domains = sorted(map(str, folder.glob("*.parquet"))) or sorted(str(d) for d in folder.iterdir() if d.is_dir())
    problem = load(DataSpec(sources=tuple(domains[:2][: len(domains) - 1]), target=domains[-1]), seed=0, max_rows=1000, need_label=True)
    modality, task, columns, classes = SETS[name]
    assert (problem.schema.modality, problem.task) == (modality, task)
    assert len(problem.schema.columns) + len(problem.schema.left_out) == columns
    assert len(problem.classes) == classes
    for d in (*problem.sources, problem.target):
        assert not np.isinf(d.numbers).any()
        assert d.labelled.all()
        assert all(isinstance(v, str) for v in d.texts.ravel())


def test_hospitals_with_a_column_that_one_of_them_lacks():
    folder = DATA / "heart_disease"
    spec = DataSpec(sources=(str(folder / "cleveland.parquet"), str(folder / "switzerland.parquet")), target=str(folder / "va.parquet"))
    problem = load(spec, seed=0, need_label=True)
    chol = [c.name for c in problem.schema.numbers].index("chol")
    assert np.isnan(problem.sources[1].numbers[:, chol]).all()
    assert any("all missing in 'switzerland'" in n.text for n in problem.notes if n.level == "warning")
    swapped = load(DataSpec(sources=(spec.sources[1],), target=spec.sources[0]), seed=0)
    assert [c.kind for c in swapped.schema.left_out if c.name == "chol"] == ["empty"]
