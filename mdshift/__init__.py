"""mdshift: diagnose the shift between two data sets, recommend a strategy, adapt a model, prove that it helped."""

__version__ = "0.1.0"
