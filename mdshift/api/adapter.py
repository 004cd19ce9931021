"""`mdshift.Adapter` and `mdshift.AdapterRegressor`: scikit-learn estimators that know of a target.

scikit-learn stands at the top of this module, since an estimator is a subclass; the module is loaded when one is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from mdshift.api.calls import adapt
from mdshift.api.results import Adaptation
from mdshift.errors import DataError
from mdshift.readers.memory import is_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LABEL = "label"


class InputError(DataError, ValueError):
    """Data that cannot be learnt from: the ValueError that scikit-learn expects, with mdshift's three parts."""


class _Adapter(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What classification and regression share."""

    def __init__(
        self,
        strategy: str = "auto",
        *,
        params: Mapping[str, Any] | None = None,
        compute: str = "medium",
        budget: float | None = None,
        text: Sequence[str] = (),
        kinds: Mapping[str, str] | None = None,
        alpha: float = 0.05,
        device: str = "auto",
        seed: int = 0,
    ) -> None:
        self.strategy = strategy
        self.params = params
        self.compute = compute
        self.budget = budget
        self.text = text
        self.kinds = kinds
        self.alpha = alpha
        self.device = device
        self.seed = seed

    def fit(self, X: Any, y: Any, X_target: Any = None, y_target: Any = None) -> Self:
        """Learn from labelled source rows, and adapt to the target's.

        X: the source (n, d), a data frame (columns of words and dates are understood) or an array; y: its labels (n,). X_target: the target (m, d);
        without it the source model is all there is to learn, under the strategies "auto" and "source-only". y_target: labels (m,), None or NaN where
        there is none.

        Raises ValueError (`InputError`) for data that cannot be learnt from, mdshift.errors.UsageError for a wrong parameter.
        """
        if y is None:
            raise InputError("this estimator requires y to be passed, but the target y is None", "", "fit(X, y, X_target)")
        X, y = self._checked(X, y)
        if len(y) < 2:  # noqa: PLR2004 - nothing varies
            raise InputError("one row is not enough to learn from", f"n_samples = {len(y)}", "give more source rows")
        there = None
        if X_target is not None:
            X_target = self._rows(X_target)
            there = _present(y_target, len(X_target))
        elif y_target is not None:
            raise InputError("labels of a target that is not given", "y_target", "give X_target, too")
        codes, codes_target = self._coded(y, y_target, there)
        names = [str(c) for c in getattr(X, "columns", ())]
        label = LABEL
        while label in names:
            label += "_"
        try:
            self.result_: Adaptation = adapt(
                X,
                X_target,
                strategy="source-only" if X_target is None and self.strategy == "auto" else self.strategy,
                params=self.params,
                label=label,
                y_source=codes,
                y_target=codes_target,
                task=self._task,
                text=self.text,
                kinds=self.kinds,
                goal="target" if X_target is not None else "general",
                compute=self.compute,
                budget=self.budget,
                alpha=self.alpha,
                device=self.device,
                seed=self.seed,
            )
        except DataError as error:
            raise InputError(error.what, error.seen, error.hint) from None
        self.kept_ = self.result_.kept
        self.strategy_ = self.result_.strategy
        return self

    def _checked(self, X: Any, y: Any) -> tuple[Any, Any]:
        """The source as a table or a matrix, with its labels (n,)."""
        if is_table(X):
            validate_data(self, X, skip_check_array=True)
            y = column_or_1d(y, warn=True)
            if len(y) != len(X):
                raise InputError("data and labels differ in rows", f"{len(X)} rows, {len(y)} labels", "one label a row")
            return X, y
        if self._task == "regression":
            _check_numbers(y, "in y")
        X, y = validate_data(self, X, y, ensure_all_finite="allow-nan", dtype="numeric", y_numeric=self._task == "regression")
        return X, y

    def _rows(self, X: Any) -> Any:
        """Rows like those that were learnt from."""
        if is_table(X):
            validate_data(self, X, reset=False, skip_check_array=True)
            return X
        return validate_data(self, X, reset=False, ensure_all_finite="allow-nan", dtype="numeric")

    def _said(self, X: Any, *, proba: bool = False) -> dict[str, NDArray[Any]]:
        """The prediction columns."""
        check_is_fitted(self)
        X = self._rows(X)
        try:
            return self.result_.fitted.predictions(X, proba=proba)
        except DataError as error:
            raise InputError(error.what, error.seen, error.hint) from None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags


class Adapter(ClassifierMixin, _Adapter):  # type: ignore[misc]
    """A classifier that is fitted to a source and adapted to a target.

    strategy: a name, "auto" for the one that the evidence speaks for, or "source-only". params: the strategy's parameters. compute: what may be spent with
    "auto": low, medium or high. budget: seconds after which no further candidate is begun, nor one that is expected to outlast them. text: columns to be read as text. kinds: a word on columns, by
    name. alpha, device, seed: as on the command line. The adapted model is kept only where the evidence speaks for it; `kept_` tells.

    Attributes: classes_ (k,), n_features_in_, feature_names_in_ (of data frames), result_ (what `mdshift.adapt` returns), kept_, strategy_.
    """

    _task = "classification"

    def _coded(self, y: Any, y_target: Any, there: Any) -> tuple[Any, Any]:
        """Codes of the classes (n,), and those of the target with None where there is no label."""
        import numpy as np

        y = column_or_1d(y, warn=True)
        if y.dtype == object and not _present(y, len(y)).all():
            raise InputError("labels that are missing: NaN or None", "in y", "leave these rows out")
        try:
            check_classification_targets(y)
        except TypeError as error:
            raise InputError("labels of several types", f"in y: {error}", "give words alone, or numbers alone") from None
        known = None if there is None or y_target is None else column_or_1d(np.asarray(y_target)[there])
        if known is not None and known.dtype != y.dtype:  # None or NaN stood beside the labels
            known = _like(known, y.dtype)
            if known.dtype.kind == "f" and not np.isfinite(known).all():
                raise InputError("labels that are no finite numbers: infinity", "in y_target", "None or NaN where there is no label")
        if known is not None and len(known) and _words(known) != _words(y):
            told = ("words" if _words(v) else "numbers" for v in (y, known))
            raise InputError("labels of several types", "in y {}, in y_target {}".format(*told), "give words alone, or numbers alone")
        self.classes_ = np.unique(y if known is None or not len(known) else np.concatenate([y, known]))
        codes = np.searchsorted(self.classes_, y)
        if len(np.unique(codes)) < 2:  # noqa: PLR2004 - nothing to tell apart
            raise InputError("the source has one class only", f"class {y[0]!r}", "a classifier needs at least two classes to tell apart")
        if known is None:
            return codes, None
        target: list[int | None] = [None] * len(there)
        for row, code in zip(np.flatnonzero(there), np.searchsorted(self.classes_, known), strict=True):
            target[row] = int(code)
        return codes, target

    def predict(self, X: Any) -> NDArray[Any]:
        """The classes (n,) of new rows."""
        codes = self._said(X)["prediction"].astype(int)
        found: NDArray[Any] = self.classes_[codes]
        return found

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probability (n, k) of every class, in the order of `classes_`."""
        import numpy as np

        said = self._said(X, proba=True)
        return np.column_stack([said[f"p_{code}"] for code in range(len(self.classes_))])


class AdapterRegressor(RegressorMixin, _Adapter):  # type: ignore[misc]
    """A regressor that is fitted to a source and adapted to a target; see `Adapter`."""

    _task = "regression"

    def _coded(self, y: Any, y_target: Any, there: Any) -> tuple[Any, Any]:
        """Numbers (n,), and those of the target with NaN where there is none."""
        import numpy as np

        _check_numbers(y, "in y")
        y = np.asarray(column_or_1d(y, warn=True), dtype=np.float64)
        if not np.isfinite(y).all():
            raise InputError("labels that are no finite numbers: NaN or infinity", "in y", "leave these rows out")
        if there is None or y_target is None:
            return y, None
        known = np.asarray(y_target)[there]
        _check_numbers(known, "in y_target")
        target = np.full(len(there), np.nan)
        target[there] = np.asarray(column_or_1d(known), dtype=np.float64)
        if np.isinf(target).any():
            raise InputError("labels that are no finite numbers: infinity", "in y_target", "None or NaN where there is no label")
        return y, target

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The numbers (n,) of new rows."""
        return self._said(X)["prediction"]


def _like(known: Any, kind: np.dtype[Any]) -> Any:
    """Known labels (m,) in the type of the source's, where that loses nothing; else as they are, a mixture of objects in its common type."""
    import numpy as np

    try:
        if kind.kind not in "OUS":  # words have their own lengths
            with np.errstate(invalid="ignore"):  # infinity, which the caller refuses
                cast = known.astype(kind)
            if (cast == known).all():
                return cast
    except (TypeError, ValueError, OverflowError):  # a word among numbers
        pass
    return np.array(known.tolist()) if known.dtype == object and kind.kind != "O" else known


def _words(labels: NDArray[Any]) -> bool:
    """Whether labels (m,) are words; those of y were found to be of one type."""
    return any(isinstance(v, str | bytes) for v in labels) if labels.dtype.kind == "O" else labels.dtype.kind in "US"


def _check_numbers(y: Any, where: str) -> None:
    """Raise InputError for labels (m,) that are no numbers; what else is wrong with them is for scikit-learn to say."""
    import numpy as np

    try:
        values = np.asarray(y)
    except ValueError:  # of several lengths
        return
    if values.ndim != 1 or values.dtype.kind not in "OUS":
        return
    for value in values.tolist():
        try:
            if value is not None:
                float(value)
        except (TypeError, ValueError):
            raise InputError(
                "labels that are no numbers", f"{value!r} {where}"[:80], "AdapterRegressor learns numbers, Adapter classes"
            ) from None


def _present(y: Any, rows: int) -> Any:
    """The mask (m,) of the target rows that have a label; None without labels.

    Raises InputError where they are not one a row.
    """
    import numpy as np

    if y is None:
        return None
    values = np.asarray(y)
    if values.ndim != 1 or len(values) != rows:
        raise InputError(
            "target and its labels differ in rows", f"{rows} rows, labels {values.shape}", "one label a row, None where there is none"
        )
    if values.dtype.kind == "f":
        return ~np.isnan(values)
    if values.dtype != object:
        return np.ones(rows, dtype=bool)
    return np.array([not (v is None or str(v) in ("nan", "<NA>", "NaT")) for v in values], dtype=bool)
