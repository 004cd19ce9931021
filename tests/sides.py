"""Two unlabelled sides of a table, out of arrays."""

from made import domain

from mdshift.probes.base import view
from mdshift.types import Column, Problem, Schema


def sides(source=None, target=None, *, categories=None, texts=None, images=None, levels="abcdefgh", schema=None, seed=0, kinds=None):
    """A view of numbers source (n, p), target (m, p), and pairs (source, target) of category codes (n, q), texts (n, t), images."""
    columns = []
    if source is not None:
        columns += [Column(f"x{j}", (kinds or {}).get(j, "number")) for j in range(source.shape[1])]
    if categories is not None:
        columns += [Column(f"c{j}", "category", tuple(levels), len(levels)) for j in range(categories[0].shape[1])]
    if texts is not None:
        columns += [Column(f"t{j}", "text") for j in range(texts[0].shape[1])]
    pick = [
        {
            k: v[i]
            for k, v in (("numbers", (source, target)), ("categories", categories), ("texts", texts), ("images", images))
            if v is not None
        }
        for i in (0, 1)
    ]
    pick = [{k: v for k, v in p.items() if v is not None} for p in pick]
    shape = None if images is None else images[0].shape[1:]
    made = schema or Schema("image" if images is not None else "table", tuple(columns), image_shape=shape)
    problem = Problem((domain("source", None, **pick[0]),), domain("target", None, **pick[1]), made, None, None)
    return view(problem, seed)
