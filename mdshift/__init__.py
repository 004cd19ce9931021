"""mdshift: diagnose the shift between two data sets, recommend a strategy, adapt a model, prove that it helped.

    import mdshift

    found = mdshift.diagnose(source, target, label="y")    # data frames, arrays or paths
    found.kinds                                            # ("covariate",)
    mdshift.recommend(found)
    adapted = mdshift.adapt(source, target, label="y")
    adapted.predict(target)

What is heavy is loaded when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdshift.api.adapter import Adapter, AdapterRegressor
    from mdshift.api.calls import adapt, diagnose, load, recommend
    from mdshift.api.results import Adaptation, Diagnosis, Recommendation

__version__ = "0.1.0"
__all__ = [
    "Adaptation",
    "Adapter",
    "AdapterRegressor",
    "Diagnosis",
    "Recommendation",
    "__version__",
    "adapt",
    "diagnose",
    "load",
    "recommend",
]

_HOMES = {
    **dict.fromkeys(("adapt", "diagnose", "load", "recommend"), "mdshift.api.calls"),
    **dict.fromkeys(("Adaptation", "Diagnosis", "Recommendation"), "mdshift.api.results"),
    **dict.fromkeys(("Adapter", "AdapterRegressor"), "mdshift.api.adapter"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
