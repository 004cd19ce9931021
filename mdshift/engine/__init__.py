"""The story: diagnose, recommend, adapt, predict, evaluate."""
