"""The cost model: how long a strategy takes here, by how long it took on made tables (`benchmarks/choosing/cost.py`)."""

from __future__ import annotations

import json
import math
from functools import cache
from importlib import resources
from typing import Any

LEAST = 0.01  # seconds: what was measured below it counts as this
STEEPEST = 1.0  # no power of the rows above this is believed: what grows faster caps the rows that it looks at
MEASURED_ON = ("table", "array")


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


@cache
def _model() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(resources.files("mdshift.engine").joinpath("cost.json").read_text("utf-8"))
    return found
