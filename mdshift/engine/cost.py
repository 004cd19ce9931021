"""The cost model: how long a strategy takes here, by how long it took on made tables (`benchmarks/choosing/cost.py`)."""

from __future__ import annotations

import json
import math
import time
from functools import cache
from importlib import resources
from typing import Any

LEAST = 0.01  # seconds: what was measured below it counts as this
STEEPEST = 1.0  # no power of the rows above this is believed: what grows faster caps the rows that it looks at
MEASURED_ON = ("table", "array")
BEATS, WIDTH = 2500, 64  # of `beat`: rounds, rows and columns; long enough to be interrupted by what else runs


def expected(strategy: str, rows: float, columns: float, modality: str = "table") -> float | None:
    """Seconds of one run with the defaults on one core; None where nothing like it was measured.

    rows: of a side, the mean of source and target; columns: as encoded. Power laws through three measured sizes, each strategy's own: of the
    rows between 0 and 1; of the columns as measured between the two widths (a network of many columns may be a quicker one), and
    beyond them never below 0.
    """
    model = _model()
    if modality not in MEASURED_ON or strategy not in model["seconds"]:
        return None
    (few, _), (many, narrow), (_, wide) = model["sizes"]
    small, large, broad = (max(float(t), LEAST) for t in model["seconds"][strategy])
    by_rows = min(max(math.log(large / small) / math.log(many / few), 0.0), STEEPEST)
    by_columns = math.log(broad / large) / math.log(wide / narrow)
    within = min(max(columns, narrow), wide)
    beyond = max(columns, wide) / wide if columns > narrow else 1.0
    at_width = large * (within / narrow) ** by_columns * beyond ** max(by_columns, 0.0)
    return float(at_width * (max(rows, 1.0) / many) ** by_rows)


def beat() -> float:
    """Seconds that one and the same arithmetic takes here and now: small products and what stands between them, as in a training step."""
    import numpy as np

    a = np.linspace(-1.0, 1.0, WIDTH * WIDTH).reshape(WIDTH, WIDTH)
    b, begun = a.copy(), time.perf_counter()
    for _ in range(BEATS):
        b = np.tanh(a @ b + 0.1)
    return time.perf_counter() - begun


def pace() -> float:
    """How many times as long a run takes here as where the seconds were measured: an older machine, or one that has more to do. 1 at least."""
    return max(1.0, beat() / float(_model()["beat"]))


@cache
def _model() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(resources.files("mdshift.engine").joinpath("cost.json").read_text("utf-8"))
    return found
