import documents
import pytest

from mdshift.report.pages.evaluation import page


@pytest.mark.parametrize(
    ("rows", "unlabelled", "told"),
    [(1, 1, "on 1 labelled row; 1 without a label was left out."), (200, 3, "on 200 labelled rows; 3 without a label were left out.")],
)
def test_rows_are_counted_in_words_that_fit(rows, unlabelled, told):
    assert page(documents.evaluation() | {"rows": rows, "unlabelled": unlabelled}).verdict[0].endswith(told)
