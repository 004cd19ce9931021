"""One strategy a file; see `mdshift.families`."""
