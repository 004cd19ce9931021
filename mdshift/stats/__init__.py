"""Kernels, permutation tests, density ratios, intervals: numpy and scipy."""
