"""Write the sample pairs: python samples/make.py FOLDER [SEED]. `mdshift samples FOLDER` does the same."""

import sys

from mdshift.samples import write

if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    for folder in write(sys.argv[1], seed=int(sys.argv[2]) if len(sys.argv) > 2 else 0):  # noqa: PLR2004 - the optional seed
        print(folder)
