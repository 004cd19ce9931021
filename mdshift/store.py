"""Model folders: JSON, safetensors and skops; written beside their place and renamed into it; never a pickle.

MODEL/model.json             format version, schema, task, classes, strategy, parameters, and how the parts compose
MODEL/weights.safetensors    every array
MODEL/*.skops                scikit-learn parts, where a predictor has any
MODEL/report.json            the adaptation that made it
MODEL/README.md              a model card
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdshift import __version__
from mdshift.beside import beside
from mdshift.card import card
from mdshift.errors import DataError, EnvironmentFault, UsageError
from mdshift.types import MISSING, Column, DataSpec, Domain, Label, Schema

if TYPE_CHECKING:
    from mdshift.learners.base import Predictor, State
    from mdshift.learners.encode import Encoder

FORMAT = 1
WEIGHTS = "weights.safetensors"
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.skops")
_MAX_JSON = 256 << 20
_DEPTH = 32  # predictors inside predictors; more is no model of ours


@dataclass(frozen=True, eq=False)
class Model:
    """A saved model: the treatment of columns, the predictor, and what they were made for.

    values: the classes as the caller of the Python interface wrote them, in their order; empty where they came from files.
    """

    schema: Schema
    task: str
    classes: tuple[str, ...]
    label: str | None
    encoder: Encoder
    predictor: Predictor
    strategy: str
    params: Mapping[str, Any] = field(default_factory=dict)
    spec: DataSpec = field(default_factory=DataSpec)
    further: tuple[tuple[Label, Predictor], ...] = ()  # the labels after the first
    values: tuple[bool | int | float | str, ...] = ()


# --- before any work ------------------------------------------------------------------------------------------


def check_output(folder: str | Path, *, force: bool = False) -> Path:
    """The absolute path that a model can be written to, or an error that says why not; nothing is left behind.

    Raises UsageError for what stands there already (a link, a file, a device, another folder, a model without `force`), EnvironmentFault
    where nothing can be written.
    """
    path = Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would follow the link that is to be refused
    if path.is_symlink():
        raise UsageError("the output is a symbolic link", repr(str(folder)), "name the folder itself with --out")
    if path.exists() and not path.is_dir():
        kind = "a file" if path.is_file() else "a device or special file"
        raise UsageError(f"the output is {kind}, not a folder", repr(str(folder)), "name another folder with --out")
    if path.is_dir() and any(path.iterdir()):
        if not (path / "model.json").is_file():
            raise UsageError("the output folder holds something else than a model", repr(str(folder)), "name another folder with --out")
        if not force:
            raise UsageError("the output folder exists already", repr(str(folder)), "--force writes over it, or name another with --out")
    parent = path.parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise UsageError("the output lies inside a file", repr(str(parent)), "name another folder with --out")
    probe = parent / f".mdshift-{secrets.token_hex(6)}"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise EnvironmentFault("cannot write to the output's place", f"{parent}: {error.strerror}", "name a writable --out") from None
    return path


# --- saving ---------------------------------------------------------------------------------------------------


def save(model: Model, folder: str | Path, report: Mapping[str, Any], *, force: bool = False) -> Path:
    """Write a model folder and return its path; what stood there before is replaced only when all is written.

    report: the `mdshift.adaptation/1` document. Raises as `check_output`, and EnvironmentFault when the disk fails.
    """
    path = check_output(folder, force=force)
    with beside(path) as made:
        arrays: dict[str, Any] = {}
        estimators: dict[str, Any] = {}
        document = {
            "format": FORMAT,
            "mdshift": __version__,
            "task": model.task,
            "classes": list(model.classes),
            "label": model.label,
            "strategy": model.strategy,
            "params": dict(model.params),
            "schema": asdict(model.schema),
            "data": model.spec.to_json(),
            "encoder": _take_apart(model.encoder.state(), "encoder", arrays, estimators),
            "predictor": _take_apart(model.predictor.state(), "predictor", arrays, estimators),
        }
        if model.values:
            document["values"] = list(model.values)
        if model.further:
            document["further"] = [
                {**asdict(label), "predictor": _take_apart(p.state(), f"label{j}", arrays, estimators)}
                for j, (label, p) in enumerate(model.further)
            ]
        _write(made / "model.json", _json(document))
        _write(made / WEIGHTS, _tensors(arrays))
        for name, estimator in estimators.items():
            import skops.io

            _write(made / name, skops.io.dumps(estimator))
        _write(made / "report.json", _json(report))
        _write(made / "README.md", card(model, report).encode("utf-8", "backslashreplace"))
    return path


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _json(document: Mapping[str, Any]) -> bytes:
    # a class may be named by a folder whose name is no UTF-8: what stands for its bytes is escaped, which JSON reads back
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8", "backslashreplace")


def _tensors(arrays: Mapping[str, Any]) -> bytes:
    import numpy as np
    from safetensors.numpy import save as dump

    data: bytes = dump({name: np.array(a, order="C") for name, a in arrays.items()})
    return data


def _take_apart(state: State, at: str, arrays: dict[str, Any], estimators: dict[str, Any]) -> dict[str, Any]:
    """The JSON of a state; its arrays and estimators are put aside under names that the JSON refers to."""
    out: dict[str, Any] = {"kind": state.kind, "meta": dict(state.meta), "arrays": {}, "estimators": {}, "children": {}}
    for name, a in state.arrays.items():
        arrays[f"{at}/{name}"] = a
        out["arrays"][name] = {"key": f"{at}/{name}", "shape": list(a.shape), "dtype": str(a.dtype)}
    for name, estimator in state.estimators.items():
        out["estimators"][name] = f"{at}/{name}.skops".replace("/", ".")
        estimators[out["estimators"][name]] = estimator
    for name, child in state.children.items():
        out["children"][name] = _take_apart(child, f"{at}/{name}", arrays, estimators)
    return out


# --- loading --------------------------------------------------------------------------------------------------


def load(folder: str | Path) -> Model:
    """Read a model folder; the model predicts the same numbers bit by bit.

    Raises DataError for a folder that is no model, truncated, of a newer format, of wrong shapes, or that refers outside of itself.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError("no model folder", repr(str(folder)), "give the folder that `mdshift adapt --out` wrote")
    if not (root / "model.json").is_file():
        raise DataError(
            "the folder is no model: model.json is missing", repr(str(folder)), "give the folder that `mdshift adapt --out` wrote"
        )
    document = _read_json(root / "model.json")
    found = document.get("format")
    if isinstance(found, int) and found > FORMAT:
        raise DataError("the model is of a newer format", f"{found}, known: {FORMAT}", "update mdshift, or train again with this version")
    if found != FORMAT:
        raise DataError("the model's format is unknown", f"{root / 'model.json'}: {found!r}", "train it again")
    try:
        return _build(root, document)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, RuntimeError) as error:
        raise _damaged(root, f"{type(error).__name__}: {error}") from error


def _build(root: Path, document: Mapping[str, Any]) -> Model:
    from mdshift.learners.base import restore
    from mdshift.learners.encode import Encoder

    arrays = _read_tensors(root)
    schema = _schema(document["schema"])
    task, classes = document["task"], tuple(str(c) for c in document["classes"])
    if task not in ("classification", "regression"):
        raise _damaged(root, f"task {task!r}")
    _register_kinds(document["predictor"])
    encoder = Encoder.restore(_put_together(root, document["encoder"], arrays), schema)
    predictor = restore(_put_together(root, document["predictor"], arrays))
    data: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in document["data"].items()}
    further = tuple(_label(root, found, arrays) for found in document.get("further", []))
    name, params = str(document["strategy"]), dict(document["params"])
    values = tuple(document.get("values", []))  # older models lack it
    if values and (len(values) != len(classes) or not all(isinstance(v, int | float | str) for v in values)):
        raise _damaged(root, "the classes' values do not fit to the classes")
    model = Model(schema, task, classes, document["label"], encoder, predictor, name, params, DataSpec(**data), further, values)
    _try_out(root, model)
    return model


def _label(root: Path, found: Mapping[str, Any], arrays: Mapping[str, Any]) -> tuple[Label, Predictor]:
    """A label after the first, with its predictor."""
    from mdshift.learners.base import restore

    _register_kinds(found["predictor"])
    label = Label(str(found["name"]), found["task"], tuple(str(c) for c in found["classes"]), int(found["source_classes"]))
    return label, restore(_put_together(root, found["predictor"], arrays))


def _try_out(root: Path, model: Model) -> None:
    """Predict one blank row: parts that do not fit one another show here, not in the middle of a file."""
    import numpy as np

    schema = model.schema
    if {c.kind for c in schema.columns} - {"number", "date", "category", "text"}:
        raise _damaged(root, "a column of a kind that is no feature")
    blank = Domain(
        name="blank",
        numbers=np.full((1, len(schema.numbers)), np.nan),
        categories=np.full((1, len(schema.categories)), MISSING, dtype=np.int32),
        texts=np.full((1, len(schema.texts)), "", dtype=object),
        images=None if schema.image_shape is None else np.zeros((1, *schema.image_shape), dtype=np.uint8),
        y=None,
        index=np.zeros(1, dtype=np.int64),
        rows=1,
    )
    X = model.encoder.transform(blank)
    if X.shape[1] != len(model.encoder.kinds):
        raise _damaged(root, f"{X.shape[1]} encoded columns, expected {len(model.encoder.kinds)}")
    every = [(model.predictor, model.task, model.classes), *((p, label.task, label.classes) for label, p in model.further)]
    for predictor, task, classes in every:
        scores = predictor.scores(X)
        wanted = (1, max(len(classes), 1) if task == "classification" else 1)
        if scores.shape != wanted:
            raise _damaged(root, f"the model gives scores of shape {scores.shape}, expected {wanted}")
        if not np.isfinite(scores).all():
            raise _damaged(root, "the model's numbers are not finite")


def _register_kinds(tree: Any) -> None:
    """Import the modules that hold the predictors in this tree (networks only when there is one: torch is slow to load)."""
    import importlib
    import pkgutil

    from mdshift import learners
    from mdshift.learners.base import PREDICTORS

    kinds = set(_kinds(tree))
    for name in sorted((m.name for m in pkgutil.iter_modules(learners.__path__)), key=lambda name: (name.startswith("net"), name)):
        if not name.startswith("net") or not kinds <= set(PREDICTORS):
            importlib.import_module(f"mdshift.learners.{name}")  # importing registers


def _kinds(tree: Any, depth: int = 0) -> Iterator[str]:
    if depth > _DEPTH:
        raise ValueError("predictors nested too deep")
    yield tree["kind"]
    for child in tree["children"].values():
        yield from _kinds(child, depth + 1)


def _put_together(root: Path, tree: Mapping[str, Any], arrays: Mapping[str, Any]) -> State:
    from mdshift.learners.base import State

    found = {}
    for name, says in tree["arrays"].items():
        a = arrays[says["key"]]
        if list(a.shape) != says["shape"] or str(a.dtype) != says["dtype"]:
            raise _damaged(root, f"array {says['key']!r} is {a.dtype}{list(a.shape)}, expected {says['dtype']}{says['shape']}")
        found[name] = a
    estimators = {name: _read_estimator(root, file) for name, file in tree["estimators"].items()}
    children = {name: _put_together(root, child, arrays) for name, child in tree["children"].items()}
    return State(tree["kind"], tree["meta"], found, estimators, children)


def _read_estimator(root: Path, file: str) -> Any:
    if not _SAFE_NAME.fullmatch(file):
        raise DataError("the model refers to a file outside of its folder", repr(file), "use models that mdshift wrote")
    data = _read(root / file)
    import skops.io

    try:
        unknown = skops.io.get_untrusted_types(data=data)
        if not unknown:
            return skops.io.loads(data, trusted=[])
    except Exception as error:  # skops raises whatever the bytes provoke
        raise _damaged(root, f"{file}: {type(error).__name__}") from error
    raise DataError(
        "the model holds types that are not trusted", f"{file}: {', '.join(sorted(unknown)[:5])}", "use models that mdshift wrote"
    )


def _read_tensors(root: Path) -> Mapping[str, Any]:
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load as parse

    try:
        arrays: dict[str, Any] = parse(_read(root / WEIGHTS))
    except SafetensorError as error:
        raise _damaged(root, f"{WEIGHTS}: {error}") from None
    for name, a in arrays.items():
        if a.dtype.kind == "f" and not np.isfinite(a).all():
            raise _damaged(root, f"array {name!r} holds NaN or infinity")
    return arrays


def _read(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise DataError("a part of the model is no regular file", repr(str(path)), "use models that mdshift wrote")
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError("a part of the model is missing", repr(str(path)), "train the model again, or copy the whole folder") from None
    except OSError as error:
        raise EnvironmentFault("the model cannot be read", f"{path}: {error.strerror}", "check the permissions") from None


def _read_json(path: Path) -> Mapping[str, Any]:
    data = _read(path)
    try:
        found = json.loads(data) if len(data) <= _MAX_JSON else None
    except (ValueError, RecursionError) as error:
        raise _damaged(path.parent, f"{path.name}: {error}") from None
    if not isinstance(found, dict):
        raise _damaged(path.parent, f"{path.name} is no JSON object, or too large")
    return found


def _schema(found: Mapping[str, Any]) -> Schema:
    columns, left_out = (tuple(Column(**(c | {"levels": tuple(c["levels"])})) for c in found[part]) for part in ("columns", "left_out"))
    shape = found["image_shape"]
    return Schema(found["modality"], columns, left_out, None if shape is None else (int(shape[0]), int(shape[1]), int(shape[2])))


def _damaged(root: Path, seen: str) -> DataError:
    return DataError("the model is damaged", f"{root}: {seen}"[:500], "train it again, or copy the whole folder again")
