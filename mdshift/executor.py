"""Run units of work and merge their results in unit order, whatever runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from mdshift.errors import EnvironmentFault

T = TypeVar("T")
R = TypeVar("R")

# what units import inside their functions, of packages whose modules import one another in circles
CIRCULAR = (
    "scipy.linalg",
    "scipy.optimize",
    "scipy.sparse.linalg",
    "scipy.spatial.distance",
    "scipy.special",
    "scipy.stats",
    "sklearn.ensemble",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
    "sklearn.neighbors",
    "sklearn.utils.extmath",
)


def map_units(function: Callable[[T], R], units: Iterable[T], *, engine: str = "local", workers: int = 1) -> list[R]:
    """Apply `function` to every unit; the results stand in the units' order.

    engine "local" uses threads (the heavy parts are numpy, sklearn and torch, which release the lock) when `workers` > 1; "ray" uses plain
    Ray tasks. Units are sized by rows, never by workers, so that the result does not depend on either.

    Raises EnvironmentFault when the engine's extra is not installed.
    """
    items = list(units)
    if engine == "ray":
        return _on_ray(function, items)
    if workers <= 1 or len(items) <= 1:
        return [function(u) for u in items]
    from concurrent.futures import ThreadPoolExecutor

    ready()
    pool = ThreadPoolExecutor(max_workers=workers)
    try:
        found = list(pool.map(function, items))
    except Exception:
        pool.shutdown(cancel_futures=True)
        raise
    except BaseException:  # an interrupt: the units may take long, or wait for an import lock that it caught this thread with
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    return found


def ready() -> None:
    """Import in this thread what the units' threads would.

    Of two threads that enter a circle of imports at two places, Python lets one go on with half a module rather than have both wait for ever.
    """
    from importlib import import_module

    for name in CIRCULAR:
        import_module(name)


def cores() -> int:
    """The processors that this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def begin(engine: str) -> None:
    """Start the engine, where it is to be started: in a thread that outlives the work, since what is started ends with its thread.

    Raises EnvironmentFault when the engine's extra is not installed.
    """
    if engine == "ray":
        _ray()


def _on_ray(function: Callable[[T], R], items: list[T]) -> list[R]:
    ray = _ray()
    task = ray.remote(function)
    try:
        return list(ray.get([task.remote(u) for u in items]))
    except ray.exceptions.RayTaskError as error:  # what went wrong, without the story of where
        raise error.cause from None


def _ray() -> Any:
    import os

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise EnvironmentFault("the engine 'ray' is not installed", "", "pip install 'mdshift[ray]'") from None
    if not ray.is_initialized():
        ray.init(address=os.environ.get("RAY_ADDRESS"), log_to_driver=False, include_dashboard=False, logging_level="ERROR")
    return ray
