"""One statistical question a file: `measure(problem, rng)` gives a Finding."""
