"""How long `mdshift --help` takes, as a ratio to `python -c "import typer"` (yardstick: at most 2).

    python benchmarks/startup.py [REPEATS]

Runs alternate, so that a change of the machine's load meets both alike; medians are compared.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c 'import typer'": [sys.executable, "-c", "import typer"],
    "mdshift --help": [sys.executable, "-c", "from mdshift.cli.main import run; run()", "--help"],
}


def main(repeats: int = 15) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(repeats + 1):
        for name, command in COMMANDS.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            if turn:  # the first fills the caches
                seconds[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(v) for name, v in seconds.items()}
    for name, median in medians.items():
        print(f"{name:28} {1000 * median:7.0f} ms")
    first, second = medians.values()
    print(f"{'ratio':28} {second / first:7.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
