"""Values of this package as JSON and arrays, and back: what a checkpoint holds. Never a pickle.

Plain values, tuples, mappings, arrays, predictors (by their `State`), and objects of this package's own classes: dataclasses, and
learners without fields. Whatever else there is cannot be packed, and says so.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from mdshift.learners.base import PREDICTORS, Learner, Predictor, State, restore

MARK = "!"  # the key that says what a JSON object stands for
_MODULE = re.compile(r"mdshift(\.[a-z_0-9]+)+")
_PLAIN = "biuf"  # kinds of numpy numbers that are kept as they are


class Unpackable(Exception):
    """A value that has no form on disk."""


def pack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The JSON of a value; its arrays are put aside in `arrays`, under names that the JSON refers to.

    Raises Unpackable for a value of a kind that is not known.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return _pack_array(value, arrays)
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return {MARK: type(value).__name__, "items": [pack(v, arrays) for v in value]}
    if type(value) is dict:
        return {MARK: "dict", "items": [[pack(k, arrays), pack(v, arrays)] for k, v in value.items()]}
    if isinstance(value, Predictor):
        return {MARK: "predictor", "state": pack(value.state(), arrays)}
    if isinstance(value, State):
        if value.estimators:
            raise Unpackable("an estimator")
        owner = PREDICTORS[value.kind].__module__  # importing it registers the kind
        parts = [value.kind, dict(value.meta), dict(value.arrays), dict(value.children)]
        return {MARK: "state", "module": owner, "parts": [pack(part, arrays) for part in parts]}
    kind = type(value)
    if _MODULE.fullmatch(kind.__module__) and kind.__qualname__.isidentifier():
        if is_dataclass(value) and all(f.init for f in fields(value)):
            found = {f.name: pack(getattr(value, f.name), arrays) for f in fields(value)}
            return {MARK: "object", "module": kind.__module__, "name": kind.__qualname__, "fields": found}
        if isinstance(value, Learner) and not vars(value):
            return {MARK: "object", "module": kind.__module__, "name": kind.__qualname__, "fields": {}}
    raise Unpackable(f"{kind.__module__}.{kind.__qualname__}")


def _pack_array(value: np.ndarray | np.generic, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    a = np.asarray(value)
    scalar = isinstance(value, np.generic)
    if a.dtype.kind in _PLAIN:
        turned = a.ndim > 1 and a.flags.f_contiguous and not a.flags.c_contiguous  # the order decides how products are rounded
        key = f"{len(arrays):05d}"
        arrays[key] = np.asarray(a.T if turned else a, dtype=a.dtype.newbyteorder("="), order="C")
        return {MARK: "array", "key": key, "turned": turned, "scalar": scalar}
    items = a.ravel().tolist()
    if a.dtype.kind not in "UO" or not all(v is None or type(v) in (bool, int, float, str) for v in items):
        raise Unpackable(f"an array of {a.dtype}")
    return {MARK: "texts", "items": items, "shape": list(a.shape), "dtype": a.dtype.str, "scalar": scalar}


def unpack(tree: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The value of what `pack` gave.

    Raises KeyError, ValueError, TypeError, AttributeError or ImportError for a tree that is none of its.
    """
    if not isinstance(tree, dict):
        return tree
    kind = tree[MARK]
    if kind in ("list", "tuple"):
        items = [unpack(v, arrays) for v in tree["items"]]
        return items if kind == "list" else tuple(items)
    if kind == "dict":
        return {unpack(k, arrays): unpack(v, arrays) for k, v in tree["items"]}
    if kind == "array":
        a = np.array(arrays[tree["key"]])  # of its own, aligned and writable
        return a[()] if tree["scalar"] else a.T if tree["turned"] else a
    if kind == "texts":
        a = np.array(tree["items"], dtype=np.dtype(tree["dtype"])).reshape(tree["shape"])
        return a[()] if tree["scalar"] else a
    if kind == "predictor":
        return restore(unpack(tree["state"], arrays))
    if kind == "state":
        _module(tree["module"])
        name, meta, own, children = (unpack(part, arrays) for part in tree["parts"])
        return State(name, meta, own, {}, children)
    if kind != "object":
        raise ValueError(f"no packed value: {kind!r}")
    made = getattr(_module(tree["module"]), tree["name"])
    if not isinstance(made, type) or not (is_dataclass(made) or issubclass(made, Learner)):
        raise ValueError(f"no class of data: {tree['name']!r}")
    return made(**{name: unpack(v, arrays) for name, v in tree["fields"].items()})


def _module(name: str) -> Any:
    if not _MODULE.fullmatch(name):
        raise ValueError(f"no module of this package: {name!r}")
    return importlib.import_module(name)


def digest(*values: Any) -> str:
    """A hash (24 hexadecimal digits) of what the values hold.

    Raises Unpackable as `pack`.
    """
    found = hashlib.blake2b(digest_size=12)
    for value in values:
        arrays: dict[str, np.ndarray] = {}
        found.update(json.dumps(pack(value, arrays)).encode("utf-8", "backslashreplace"))
        for a in arrays.values():
            found.update(f"{a.dtype.str}{a.shape}".encode())
            found.update(a.reshape(-1).view(np.uint8).data if a.size else b"")
    return found.hexdigest()
