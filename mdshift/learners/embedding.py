"""What a pretrained network makes of texts or images, standardised by the source: a part of the encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mdshift.errors import DataError, UsageError
from mdshift.learners.base import State

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.learners.base import Matrix
    from mdshift.types import Domain


@cache
def opened(place: str) -> Any:
    """The pretrained network of this folder, opened once."""
    from mdshift.nn.pretrained import Pretrained

    return Pretrained(place)


@dataclass(frozen=True, eq=False)
class Embedding:
    """Features of a frozen pretrained network, less their centre (k,) over their scale (k,) on the source.

    place: the folder of the network, which is not copied into a model; digest: of its weights, so that other ones are told.
    """

    place: str
    digest: str
    center: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, place: str, domains: Sequence[Domain]) -> Embedding:
        """Open the network and fit the scale on these domains.

        Raises UsageError where the data hold neither texts nor images.
        """
        raw = np.concatenate([_raw(place, d) for d in domains])
        spread = raw.std(axis=0, dtype=np.float64)
        return cls(place, opened(place).digest, raw.mean(axis=0, dtype=np.float64), np.where(spread > 1e-6, spread, 1.0))  # noqa: PLR2004 - a constant

    def transform(self, domain: Domain) -> Matrix:
        """Standardised features (n, k)."""
        out: Matrix = ((_raw(self.place, domain) - self.center) / self.scale).astype(np.float32)
        return out

    def state(self) -> State:
        """The place, the digest and the scale."""
        return State("embedding", {"place": self.place, "digest": self.digest}, {"center": self.center, "scale": self.scale})

    @classmethod
    def restore(cls, state: State) -> Embedding:
        """Put together again.

        Raises DataError where the network at that place is another one, EnvironmentFault where there is none.
        """
        found = cls(str(state.meta["place"]), str(state.meta["digest"]), state.arrays["center"], state.arrays["scale"])
        if opened(found.place).digest != found.digest:
            raise DataError(
                "the pretrained network is not the one that the model was trained with",
                repr(found.place),
                "put the old one back, or train again",
            )
        return found


def _raw(place: str, domain: Domain) -> NDArray[np.float32]:
    network = opened(place)
    if domain.images is not None:
        found: NDArray[np.float32] = network.images(domain.images)
        return found
    if not domain.texts.shape[1]:
        raise UsageError("backbone is for texts and images", "these data are a table", "leave --set backbone out")
    return np.concatenate([network.texts(domain.texts[:, j]) for j in range(domain.texts.shape[1])], axis=1)
