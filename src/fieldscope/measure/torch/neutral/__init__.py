"""Run a model with every operator replaced by the mean of all that it reads."""
