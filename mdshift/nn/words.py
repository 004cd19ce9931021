"""Changed copies of rows and of texts that keep their label (numpy alone)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mdshift.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.learners.base import Matrix

WORD = re.compile(r"\w+(?:'\w+)?")
END = re.compile(r"(?<=[.!?;])\s+")
NEIGHBOURS = 5  # of the same class, between which SMOTE interpolates
WORDS, REACH, RANK = 1500, 4, 50  # words with neighbours; words either side that count as company; dimensions of their space
ALIKE = 0.3  # cosine from which words are taken for each other: twice what chance gives in so many dimensions
CLOSEST = 3


def smote(X: Matrix, y: NDArray[np.int64], kinds: NDArray[Any], fill: float, rng: np.random.Generator) -> tuple[Matrix, NDArray[np.int64]]:
    """New rows (r, d) and their classes (r,): each class with two rows or more is filled up to `fill` times the largest one.

    A new row lies between a row and one of its nearest of the same class (SMOTE, Chawla et al. 2002); of columns of kind "indicator"
    it takes the one's or the other's value.
    """
    from scipy.spatial import cKDTree

    counts = np.bincount(y)
    rows: list[Matrix] = []
    classes: list[int] = []
    for c in np.flatnonzero(counts > 1):
        missing = int(fill * counts.max()) - counts[c]
        if missing <= 0:
            continue
        own = X[y == c]
        near = cKDTree(own).query(own, min(NEIGHBOURS, len(own) - 1) + 1)[1][:, 1:]
        first = rng.integers(len(own), size=missing)
        a, b = own[first], own[near[first, rng.integers(near.shape[1], size=missing)]]
        share = rng.random((missing, 1)).astype(np.float32)
        share = np.where(kinds == "indicator", (rng.random((missing, len(kinds))) < share).astype(np.float32), share)
        rows.append(a + share * (b - a))
        classes += [int(c)] * missing
    return np.concatenate(rows) if rows else X[:0], np.array(classes, dtype=np.int64)


def shaken(X: Matrix, kinds: NDArray[Any], strength: float, rng: np.random.Generator) -> Matrix:
    """The rows with Gaussian noise of this share of each column's spread on columns of numbers."""
    moved = (kinds == "number") * X.std(axis=0) * strength
    out: Matrix = (X + moved * rng.normal(size=X.shape)).astype(np.float32)
    return out


def read_synonyms(path: str) -> dict[str, tuple[str, ...]]:
    """The words for each word in a file of lines "word: one, another".

    Raises UsageError where the file cannot be read or a line has another form.
    """
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text in UTF-8"
        raise UsageError(
            "the file of synonyms cannot be read", f"{path!r}: {why}", "a text file of lines such as word: one, another"
        ) from None
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        word, colon, others = line.partition(":")
        named = tuple(v.strip().lower() for v in others.split(",") if v.strip())
        if not colon or not named:
            raise UsageError(
                "a line of the file of synonyms has no words after a colon", f"{path}:{number}: {line!r}", "word: one, another"
            )
        found[word.strip().lower()] = named
    return found


def neighbours(source: Sequence[str], target: Sequence[str], rng: np.random.Generator) -> dict[str, tuple[str, ...]]:
    """The target's words that stand in the same company as a word, learnt from both domains' texts.

    Positive pointwise mutual information of words within REACH of each other, cut to its first RANK singular vectors (latent semantic
    analysis, Deerwester et al. 1990; Levy & Goldberg 2014). Words of opposite meaning stand in the same company too.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.linalg import svds

    told = [WORD.findall(t.lower()) for t in (*source, *target)]
    counts = Counter(w for text in told for w in text)
    kept = [w for w, k in sorted(counts.items(), key=lambda v: (-v[1], v[0]))[:WORDS] if k > 2]  # noqa: PLR2004 - less tells nothing
    place = {w: i for i, w in enumerate(kept)}
    if len(kept) < 4:  # noqa: PLR2004 - no space to be near in
        return {}
    pairs: Counter[tuple[int, int]] = Counter()
    for text in told:
        at = [place.get(w, -1) for w in text]
        for i, a in enumerate(at):
            pairs.update((a, b) for b in at[max(0, i - REACH) : i] + at[i + 1 : i + 1 + REACH] if a >= 0 and b >= 0)
    if not pairs:
        return {}
    keys = np.array(list(pairs))
    seen = coo_matrix((np.fromiter(pairs.values(), float), (keys[:, 0], keys[:, 1])), shape=(len(kept), len(kept))).tocsr()
    total, each = seen.sum(), np.asarray(seen.sum(axis=1)).ravel()
    seen = seen.tocoo()
    seen.data = np.maximum(np.log(seen.data * total / (each[seen.row] * each[seen.col])), 0.0)
    if seen.data.max() < 1e-9:  # noqa: PLR2004 - every word in every company alike
        return {}
    rank = min(RANK, len(kept) // 2)  # fewer dimensions than words: those with the same company fall together
    vectors, values, _ = svds(seen.tocsr(), k=rank, v0=rng.random(len(kept)))
    space = vectors * np.sqrt(values)
    space /= np.maximum(np.linalg.norm(space, axis=1, keepdims=True), 1e-12)
    there = Counter(w for text in told[len(source) :] for w in text)
    known = np.array([there[w] > 0 for w in kept])
    near = np.where(known[None, :], space @ space.T, -1.0)
    np.fill_diagonal(near, -1.0)
    best = np.argsort(-near, axis=1, kind="stable")[:, :CLOSEST]
    found = {w: tuple(kept[j] for j in best[i] if near[i, j] >= ALIKE) for i, w in enumerate(kept)}
    return {w: others for w, others in found.items() if others}


def replaced(text: str, words: Mapping[str, Sequence[str]], share: float, rng: np.random.Generator) -> str:
    """The text with about this share of the words that have synonyms replaced by one of them."""

    def one(match: re.Match[str]) -> str:
        others = words.get(match.group().lower())
        return str(rng.choice(others)) if others and rng.random() < share else match.group()

    return WORD.sub(one, text)


def reordered(text: str, share: float, rng: np.random.Generator) -> str:
    """With this chance, the text's sentences in another order."""
    sentences = END.split(text.strip())
    if len(sentences) < 2 or rng.random() >= share:  # noqa: PLR2004 - nothing to reorder
        return text
    return " ".join(sentences[i] for i in rng.permutation(len(sentences)))
