"""What the record would have foretold of each of its data sets, had it not held that set.

    python benchmarks/choosing/unseen.py

A line a set: the low end and the mean that the record foretells without it, and what its pairs gained. The record is `mdshift/validators/precedents.json`.
"""

import numpy as np

from mdshift.validators.precedent import LEAST, LEVEL, MOST, SLIGHT, record, spread

KEPT = (
    ("committee", "classification", LEAST["classification"]),
    ("committee", "classification", SLIGHT["committee"]),
    ("consensus", "classification", LEAST["classification"]),
    ("consensus", "regression", LEAST["regression"]),
)  # what `auto` keeps on its record, and what it would if that gained enough


def main():
    for strategy, task, least in KEPT:
        own = record(strategy, task, least, MOST[task])
        print(f"{strategy}, {task}, ambiguity from {least:g}: {'set left out':32}{'low end':>9}{'mean':>8}   gains of its pairs")
        below, off = [], []
        for name, gains in own.items():
            found = spread({other: g for other, g in own.items() if other != name}, task)
            if found is None:
                continue
            below.append(np.mean(np.array(gains) < found.low))
            off.append(np.mean(gains) - found.value)
            print(f"{'':28}{name:32}{found.low:+9.3f}{found.value:+8.3f}   {' '.join(f'{g:+.3f}' for g in sorted(gains))}")
        share, every = np.mean(below), np.concatenate(list(own.values()))
        told = f"below the low end {share:.3f} of a further set's pairs ({LEVEL:g} foretold)"
        print(
            f"  {len(below)} sets, {len(every)} pairs: {told}; a set's mean lies {np.std(off):.3f} off; {int((every < -0.02).sum())} pairs below -.02\n"
        )


if __name__ == "__main__":
    main()
