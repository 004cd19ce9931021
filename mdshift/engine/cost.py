"""The cost model: how long a strategy takes here, by how long it took on made tables (`benchmarks/choosing/cost.py`)."""

from __future__ import annotations

import json
import math
from functools import cache
from importlib import resources
from typing import Any

LEAST = 0.01  # seconds: what was measured below it counts as this
STEEPEST = 2.0  # no power of the rows or columns above this is believed of three measurements
MEASURED_ON = ("table", "array")


def expected(strategy: str, rows: float, columns: float, modality: str = "table") -> float | None:
    """Seconds of one run with the defaults on one core; None where nothing like it was measured.

    rows: of a side, the mean of source and target; columns: as encoded. A power law through three measured sizes: the powers of rows and
    columns are the strategy's own, never below 0.
    """
    model = _model()
    if modality not in MEASURED_ON or strategy not in model["seconds"]:
        return None
    (few, _), (many, narrow), (_, wide) = model["sizes"]
    small, large, broad = (max(float(t), LEAST) for t in model["seconds"][strategy])
    by_rows = min(max(math.log(large / small) / math.log(many / few), 0.0), STEEPEST)
    by_columns = min(max(math.log(broad / large) / math.log(wide / narrow), 0.0), STEEPEST)
    return float(large * (max(rows, 1.0) / many) ** by_rows * (max(columns, 1.0) / narrow) ** by_columns)


@cache
def _model() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(resources.files("mdshift.engine").joinpath("cost.json").read_text("utf-8"))
    return found
