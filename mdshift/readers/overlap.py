"""Rows that stand twice: inside the source, inside the target, and in both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mdshift.types import Domain

CELLS = 1 << 22  # cells hashed at a time


def fingerprints(domain: Domain) -> NDArray[np.uint64]:
    """A 64-bit hash of every row's features (n,); equal rows have equal ones."""
    import numpy as np

    n = len(domain)
    out = np.full(n, np.uint64(0x9E3779B97F4A7C15), dtype=np.uint64)
    for block in (domain.numbers + 0.0 if domain.numbers.shape[1] else None, domain.categories.astype(np.float64)):
        if block is not None and block.shape[1]:
            _mix(out, np.where(np.isnan(block), -0.123456789, block).view(np.uint64))
    if domain.texts.shape[1]:
        _mix(out, np.array([[hash_text(v) for v in row] for row in domain.texts], dtype=np.uint64).reshape(n, -1))
    if domain.images is not None and n:
        flat = np.ascontiguousarray(domain.images.reshape(n, -1))
        width = -(-flat.shape[1] // 8) * 8
        padded = np.zeros((n, width), dtype=np.uint8)
        padded[:, : flat.shape[1]] = flat
        _mix(out, padded.view(np.uint64))
    return out


def hash_text(text: str) -> int:
    """A 64-bit hash of a text, the same in every process."""
    import hashlib

    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _mix(out: NDArray[np.uint64], bits: NDArray[np.uint64]) -> None:
    """Fold (n, p) words into (n,) hashes: a multiply-shift hash with one odd multiplier a column."""
    import numpy as np

    odd = np.random.default_rng(20_240_131).integers(0, 2**63, bits.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    step = max(1, CELLS // bits.shape[1])
    for a in range(0, len(out), step):
        part = bits[a : a + step] * odd
        part ^= part >> np.uint64(29)
        part *= np.uint64(0xBF58476D1CE4E5B9)
        part ^= part >> np.uint64(32)
        out[a : a + step] = out[a : a + step] * np.uint64(31) + part.sum(axis=1, dtype=np.uint64)


def repeated(source: Domain, target: Domain | None) -> dict[str, Any]:
    """Rows equal to an earlier one in the source and in the target, and target rows that stand in the source too.

    `suspicious` when more target rows stand in the source than chance brings about: in a table with few distinct rows
    equal ones are no wonder, which the share of repeated rows inside the source measures.
    """
    import numpy as np

    s = fingerprints(source)
    unique = np.unique(s)
    found: dict[str, Any] = {"duplicates_source": int(len(s) - len(unique))}
    if target is None:
        return found
    t = fingerprints(target)
    shared = int(np.isin(t, unique).sum())
    counts = np.unique(s, return_counts=True)[1]
    by_chance = float(counts[counts > 1].sum()) / max(1, len(s))
    found |= {"duplicates_target": int(len(t) - len(np.unique(t))), "shared_rows": shared, "shared_share": shared / max(1, len(t))}
    found["suspicious"] = shared >= 3 and shared / max(1, len(t)) > 1.5 * by_chance + 0.01  # noqa: PLR2004 - fewer may be chance
    return found
