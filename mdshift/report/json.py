"""Documents as JSON: one envelope, plain values, the same bytes for the same content."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import Mapping
from typing import Any

from mdshift import __version__


def document(
    schema: str, body: Any, *, data: Mapping[str, Any], settings: Mapping[str, Any], seconds: Mapping[str, float]
) -> dict[str, Any]:
    """The envelope around a result: `schema` (`mdshift.diagnosis/1`), version, data, settings, then the body's fields, then seconds."""
    content = plain(body)
    head = {"schema": schema, "mdshift": __version__, "data": plain(data), "settings": plain(settings)}
    return {**head, **content, "seconds": {k: round(float(v), 3) for k, v in seconds.items()}}


def plain(value: Any) -> Any:
    """JSON-ready: dataclasses as objects, numpy as Python, sets sorted, NaN and infinity as None."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, set | frozenset):
        return sorted((plain(v) for v in value), key=str)
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):  # numpy scalars and arrays, without importing numpy here
        return plain(value.tolist())
    return str(value)


def dumps(value: Any) -> str:
    """JSON text with a final newline: ASCII (escapes carry everything else, terminal codes too), no NaN tokens."""
    return json.dumps(plain(value), indent=2, allow_nan=False) + "\n"


def line(value: Any) -> str:
    """One line of JSON Lines."""
    return json.dumps(plain(value), allow_nan=False) + "\n"
