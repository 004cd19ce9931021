from dataclasses import replace

import numpy as np
from made import prepared, rng_of

from mdshift.engine import onrecord
from mdshift.learners.linear import Linear
from mdshift.validators.base import Bench, Gain


def test_labels_that_side_with_a_candidate_keep_it_by_its_record():
    past = Gain(0.05, -0.01, 0.2)

    def kept(gain=(0.0, -0.1, 0.1), finer=(0.02, -0.05, 0.1), told=past, kinds=("concept",), tolerance=0.02):
        return onrecord.sided(Gain(*gain), None if finer is None else Gain(*finer), told, kinds, tolerance)

    assert kept()
    assert kept(gain=(0.02, -0.1, 0.1), finer=None)
    assert not kept(finer=None)  # the labels are of two minds
    assert not kept(gain=(-0.01, -0.1, 0.1))
    assert not kept(finer=(-0.01, -0.1, 0.1))
    assert not kept(told=None)
    assert not kept(told=Gain(0.05, -0.03, 0.2))
    assert not kept(kinds=())
    assert not kept(tolerance=0.005)


def test_what_the_record_speaks_for_stands_where_the_labels_say_it_is_no_worse():
    p, even = prepared(np.zeros((40, 1)), np.arange(40) % 2, np.zeros((50, 1))), np.eye(2)[np.arange(50) % 2]
    told, past = {"ambiguity": 0.1}, Gain(0.05, -0.01, 0.2)

    def kept(gain=0.0, kinds=("covariate",), tolerance=0.02, evidence=told, adapted=even):
        bench = Bench(p, even, adapted, np.ones(40), Linear(), rng_of(0), strategy="committee", evidence=evidence)
        return onrecord.unopposed(bench, Gain(gain, gain - 0.1, gain + 0.1), past, kinds, tolerance)

    assert kept()
    assert not kept(gain=-0.01)
    assert not kept(kinds=("label",))
    assert not kept(tolerance=0.005)
    assert not kept(evidence={})  # a record of pairs on which nobody looked how much the members disagreed
    assert not kept(adapted=np.tile([0.9, 0.1], (50, 1)))  # a class vanishes


def test_a_record_says_that_it_holds_no_pairs_of_this_kind_of_data():
    def told(modality):
        p = replace(prepared(np.zeros((40, 1)), np.arange(40) % 2, np.zeros((50, 1))), modality=modality)
        return onrecord.past(Bench(p, np.eye(2)[:1], np.eye(2)[:1], np.ones(40), Linear(), rng_of(0), strategy="blend"))

    table, array, text, image = (told(modality) for modality in ("table", "array", "text", "image"))
    assert table == array
    assert "none of them" not in table.sentence
    assert text.sentence == table.sentence[:-1] + "; none of them is of texts)"
    assert image.sentence.endswith("none of them is of images)")
    assert (text.value, text.low, text.high) == (table.value, table.low, table.high)
