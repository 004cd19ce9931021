from strategies.networlds import before, right, rotated, run


def test_with_enough_labels_the_target_alone_beats_the_source_alone():
    p, yt = rotated(labels=300, m=500)
    assert before(rotated, right) < 0.5
    assert right(run("scratch", p).predictor, p, yt) > 0.8


def test_the_sources_rows_are_not_read():
    p, _ = rotated(n=100, m=100, labels=60)
    q, _ = rotated(n=100, m=100, labels=60)
    q.X_source[:] = 99
    assert (run("scratch", p, epochs=2).predictor.scores(p.X_target) == run("scratch", q, epochs=2).predictor.scores(p.X_target)).all()
