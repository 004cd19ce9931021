"""What the calls return: thin views of the JSON documents, which show themselves as text, as HTML and in a notebook."""

from __future__ import annotations

import html
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mdshift.errors import EnvironmentFault, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mdshift.readers.apply import Odd
    from mdshift.report.page import Page
    from mdshift.store import Model
    from mdshift.types import Domain, Excluded, Ranked, Score, Shift

T = TypeVar("T")
HEIGHT = 640  # pixels of a report in a notebook; its corner can be drawn


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A document of mdshift, as the command line prints it with --json.

    commands: what a report says comes next, in the place of shell commands where the data are in memory (None: the document's own).
    """

    document: Mapping[str, Any]
    commands: tuple[str, ...] | None = None

    @property
    def page(self) -> Page:
        """The report before it is laid out."""
        from mdshift.report import pages
        from mdshift.report.pages.parts import in_memory

        made = pages.page(self.document)
        return made if self.commands is None else in_memory(made, self.commands)

    @property
    def verdict(self) -> tuple[str, ...]:
        """The result in plain words."""
        return self.page.verdict

    def __repr__(self) -> str:
        """The verdict in plain words."""
        from mdshift.report.text import clean

        page = self.page
        return "\n".join([f"{clean(page.title)}:", *(f"  {clean(line, 600)}" for line in page.verdict)])

    def __str__(self) -> str:
        """The report as the command line shows it on a terminal."""
        from mdshift.report import terminal

        return terminal.render(self.page)

    def _repr_html_(self) -> str:
        """The HTML report in a frame of its own: neither its styles nor its ids touch the notebook, and no script runs in it."""
        inside = html.escape(self.to_html(), quote=True)
        style = f"width:100%;height:{HEIGHT}px;border:1px solid #8884;resize:vertical;overflow:auto"
        return f'<iframe srcdoc="{inside}" sandbox="" title="mdshift report" loading="lazy" style="{style}"></iframe>'

    def to_html(self) -> str:
        """The report as one HTML file that needs nothing else."""
        from mdshift.report import html as layout

        return layout.render(self.page)

    def to_markdown(self) -> str:
        """The report as Markdown."""
        from mdshift.report import markdown

        return markdown.render(self.page)

    def to_json(self) -> str:
        """The document as JSON."""
        from mdshift.report import json

        return json.dumps(self.document)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the report; the ending chooses the form: .json, .html or .md. What stands there is replaced when all is written.

        Raises mdshift.errors.UsageError for another ending or a folder that is not there, EnvironmentFault where nothing can be written.
        """
        place = Path(path)
        forms = {".json": self.to_json, ".html": self.to_html, ".md": self.to_markdown}
        make = forms.get(place.suffix.lower())
        if make is None:
            raise UsageError("the ending of the report is unknown", repr(str(path)), f"use one of {', '.join(forms)}")
        if place.is_dir() or not place.parent.is_dir():
            raise UsageError("no file can stand here", repr(str(path)), "name a file in a folder that exists")
        text = make()
        place = place.resolve()
        beside = place.with_name(f".{place.name}.{os.getpid()}")
        try:
            beside.write_text(text, encoding="utf-8", errors="backslashreplace")
            beside.replace(place)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise EnvironmentFault("the report cannot be written", f"{path}: {error.strerror}", "choose another place") from None

    def _made(self, kind: type[T], value: Mapping[str, Any]) -> T:
        """A part of the document as the record that it was made from."""
        return kind(**{f.name: value[f.name] for f in fields(kind) if f.name in value})  # type: ignore[arg-type]


class Diagnosis(Result):
    """What `mdshift.diagnose` found."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Out of "covariate", "label", "concept"; empty: no shift was found."""
        return tuple(self.document["kinds"])

    @property
    def shifts(self) -> dict[str, Shift]:
        """The reading of each kind: verdict, p_value, effect with low and high, severity, reason."""
        from mdshift.types import Shift

        return {kind: self._made(Shift, value) for kind, value in self.document["shifts"].items()}

    @property
    def tests(self) -> Mapping[str, Mapping[str, Any] | None]:
        """The four hypotheses (x, y, x_given_y, y_given_x); None where one cannot be tested."""
        return dict(self.document["tests"])

    @property
    def features(self) -> tuple[Mapping[str, Any], ...]:
        """The columns, most shifted first."""
        return tuple(self.document["features"])

    @property
    def performance(self) -> Mapping[str, Any] | None:
        """What a model trained on the source reaches on the target, and why it drops; None without a label."""
        found: Mapping[str, Any] | None = self.document["performance"]
        return found


class Recommendation(Result):
    """What `mdshift.recommend` says."""

    @property
    def ranked(self) -> tuple[Ranked, ...]:
        """The strategies that fit, best first, each with its reasons."""
        from mdshift.types import Ranked, Reason

        made = (self._made(Ranked, r) for r in self.document["ranked"])
        return tuple(
            replace(r, why=tuple(self._made(Reason, w) for w in d["why"])) for r, d in zip(made, self.document["ranked"], strict=True)
        )

    @property
    def excluded(self) -> tuple[Excluded, ...]:
        """The strategies that do not fit, and why."""
        from mdshift.types import Excluded

        return tuple(self._made(Excluded, e) for e in self.document["excluded"])

    @property
    def labels_needed(self) -> Mapping[str, Any]:
        """How many target labels would settle it, and what that buys."""
        return dict(self.document["labels_needed"])


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model that predicts. labels: the classes as the caller wrote them, by the model's names for them."""

    model: Model = field(repr=False)
    labels: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def classes(self) -> NDArray[Any]:
        """The classes (k,) in the order of the columns of `predict_proba`; none of a regression."""
        return as_written(self.model.classes, self.labels)

    def predict(self, X: Any) -> NDArray[Any]:
        """Classes or numbers (n,) for new rows: a data frame, an array or a path.

        Warns (UserWarning) of values that the model cannot read as its columns have them. Raises mdshift.errors.DataError where a column of the model is missing.
        """
        said = self.predictions(X)["prediction"]
        return said if self.model.task == "regression" else as_written(said, self.labels)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probability (n, k) of every class.

        Raises mdshift.errors.UsageError for a regression.
        """
        import numpy as np

        if self.model.task == "regression":
            raise UsageError("numbers have no classes", "a regression", "use predict")
        told = self.predictions(X, proba=True)
        return np.column_stack([told[f"p_{name}"] for name in self.model.classes])

    def predictions(self, X: Any, *, proba: bool = False) -> dict[str, NDArray[Any]]:
        """The columns that `mdshift predict` writes: row, prediction, confidence, with `proba` p_CLASS; all of a model of several labels.

        Warns (UserWarning) of values that the model cannot read as its columns have them. Raises mdshift.errors.DataError where a column of the
        model is missing.
        """
        import numpy as np

        from mdshift.api.inputs import quietly
        from mdshift.engine.predict import columns
        from mdshift.readers.apply import Odd

        odd = Odd()
        with quietly():
            parts = [columns(self.model, domain, proba=proba) for domain in self._domains(X, odd)]
        for sentence in odd.said:
            warnings.warn(sentence, UserWarning, stacklevel=_depth())
        return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}

    def _domains(self, X: Any, odd: Odd) -> Iterator[Domain]:
        from mdshift.readers import memory
        from mdshift.readers.load import domain_for

        m = self.model
        if isinstance(X, str | os.PathLike):
            return domain_for(m.schema, m.task, m.classes, os.fspath(X), label=m.label, spec=replace(m.spec, labels=()), odd=odd)
        return memory.batches(memory.Memory(memory.NAME, X), m.schema, m.task, m.classes, odd)


def _depth() -> int:
    """How many frames the caller of the interface is above whoever asks: a warning tells where the data were handed over."""
    frame, depth = sys._getframe(1), 1  # noqa: SLF001 - `skip_file_prefixes` of warnings.warn is there from Python 3.12 only
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith("mdshift."):
        frame, depth = frame.f_back, depth + 1
    return depth


def as_written(names: Any, labels: Mapping[str, Any]) -> NDArray[Any]:
    """Class names as the caller's values, where these are known."""
    import numpy as np

    found = [labels[name] for name in names] if labels else [str(name) for name in names]
    kinds = {type(value) for value in found}
    if len(kinds) == 1 and kinds <= {int, str, bool, float}:
        return np.array(found)
    made = np.empty(len(found), dtype=object)
    made[:] = found
    return made


@dataclass(frozen=True, eq=False, repr=False)
class Adaptation(Result):
    """What `mdshift.adapt` made: the report, and the model that was kept."""

    fitted: Fitted = field(kw_only=True)

    @property
    def page(self) -> Page:
        """The report before it is laid out."""
        from mdshift.report.pages.diagnosis import data_line

        made = super().page
        return made if self.document["model"] else replace(made, footer=f"the model is in memory; {data_line(self.document)}")

    @property
    def strategy(self) -> str:
        """The strategy that was run; with "auto", the one that won."""
        return str(self.document["strategy"])

    @property
    def kept(self) -> str:
        """Which model this is: "adapted" or "source-only"."""
        return str(self.document["kept"])

    @property
    def reason(self) -> str:
        """Why it was kept, in a sentence."""
        return str(self.document["reason"])

    @property
    def scores(self) -> dict[str, Score | None]:
        """The scores of `source_only` and `adapted`, with their intervals, and what they were measured on."""
        from mdshift.types import Score

        return {name: None if s is None else self._made(Score, s) for name, s in self.document["scores"].items()}

    @property
    def candidates(self) -> tuple[Mapping[str, Any], ...]:
        """What was tried, the estimate of each, and what became of it."""
        return tuple(self.document["candidates"])

    @property
    def classes(self) -> NDArray[Any]:
        """The classes (k,) in the order of the columns of `predict_proba`."""
        return self.fitted.classes

    def predict(self, X: Any) -> NDArray[Any]:
        """As `Fitted.predict`."""
        return self.fitted.predict(X)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """As `Fitted.predict_proba`."""
        return self.fitted.predict_proba(X)

    def save_model(self, folder: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the model to a folder, as `mdshift adapt --out` does. force: replace a model that stands there.

        Raises mdshift.errors.UsageError for what stands in the way, EnvironmentFault where nothing can be written.
        """
        from mdshift import store

        place = os.fspath(folder)
        store.check_output(place, force=force)
        store.save(self.fitted.model, place, {**self.document, "model": place}, force=force)
