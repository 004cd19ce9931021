"""A stand-in for Ray: what it is handed goes through cloudpickle and back, as to another machine, and is run on the spot."""

from types import ModuleType, SimpleNamespace

import cloudpickle


class RayTaskError(Exception):
    """What `get` raises for a task that failed."""

    def __init__(self, cause):
        """Keep what went wrong."""
        super().__init__(f"a long story: {cause}")
        self.cause = cause


def there_and_back(value):
    """The value as another process would have it."""
    return cloudpickle.loads(cloudpickle.dumps(value))


def made():
    """The module; `started` counts its clusters, `tasks` what was sent."""
    ray = ModuleType("ray")
    ray.started, ray.tasks = 0, []

    def init(**_):
        ray.started += 1

    def remote(function):
        def sent(unit):
            ray.tasks.append(function)
            return cloudpickle.dumps((function, unit))

        return SimpleNamespace(remote=sent)

    def get(tasks):
        found = []
        for task in tasks:
            function, unit = cloudpickle.loads(task)
            try:
                found.append(there_and_back(function(unit)))
            except Exception as error:  # noqa: BLE001 - as Ray does
                raise RayTaskError(there_and_back(error)) from None
        return found

    ray.init, ray.remote, ray.get, ray.is_initialized = init, remote, get, lambda: bool(ray.started)
    ray.exceptions = SimpleNamespace(RayTaskError=RayTaskError)
    return ray
