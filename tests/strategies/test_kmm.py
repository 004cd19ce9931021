from mdshift.strategies.kmm import Kmm
from strategies.weighworlds import assert_calm, assert_harm, assert_many_rows_and_columns, assert_promise


def test_a_line_is_fitted_where_the_target_lies():
    assert_promise(Kmm())


def test_where_a_line_is_true_everywhere_weights_cost_rows():
    assert_harm(Kmm())


def test_without_shift_and_without_overlap_the_weights_stay_in_bounds():
    assert_calm(Kmm())


def test_many_rows_and_many_columns():
    assert_many_rows_and_columns(Kmm())
