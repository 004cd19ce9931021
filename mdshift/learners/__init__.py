"""What is trained: linear models, boosted trees, small networks; and the predictors that they leave behind."""
