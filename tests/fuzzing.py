"""How long the tests of the invariant look for a counterexample: `make fuzz` has them do so for minutes, from another seed."""

import atexit
import os
import time

TIMES = int(os.environ.get("MDSHIFT_FUZZ", "1"))  # as many examples as in the usual run
SECONDS = float(os.environ.get("MDSHIFT_FUZZ_SECONDS", "inf"))
SEEDED = TIMES > 1  # else the examples are always the same

_begun, _counts = {}, {}


def enough(part, parts):
    """Whether this part of so many has had its share of the time; counts the examples that were tried.

    Asked when all is drawn: hypothesis takes a test that draws less the second time for one that contradicts itself.
    """
    begun = _begun.setdefault(part, time.monotonic())
    if time.monotonic() - begun > SECONDS / parts:
        return True
    _counts[part] = _counts.get(part, 0) + 1
    return False


@atexit.register
def _tell():
    if SEEDED:
        print(f"\nfuzz: {sum(_counts.values()):,} examples in {len(_counts)} parts", flush=True)  # noqa: T201 - what it is for
