"""Write the sample pairs: python samples/make.py FOLDER [SEED]. `mdshift samples FOLDER` does the same."""

import argparse

from mdshift.samples import write

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("seed", type=int, nargs="?", default=0)
    asked = parser.parse_args()
    for folder in write(asked.folder, seed=asked.seed):
        print(folder)
