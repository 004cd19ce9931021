import numpy as np
import pytest
from scipy import stats

from mdshift.stats import effects
from mdshift.stats.divergence import js_bits


@pytest.mark.parametrize(("d", "word"), [(0.1, "minor"), (0.45, "minor"), (0.55, "moderate"), (0.75, "moderate"), (0.9, "severe")])
def test_both_scales_give_the_word_of_cohens_d(d, word):
    grid = np.linspace(-8, 9, 4001)
    p, q = (stats.norm.pdf(grid, m) for m in (0, d))
    assert effects.of_auc(float(stats.norm.cdf(d / np.sqrt(2)))) == word
    assert effects.of_js(float(js_bits(p / p.sum(), q / q.sum()))) == word
