"""How to judge a model on the target without its labels, one way a file."""
