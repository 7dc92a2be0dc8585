"""What every estimator of River has to keep to before a model may name it."""
