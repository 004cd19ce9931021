"""mdshift from Python: the same as the command line, on data frames, arrays and paths."""
