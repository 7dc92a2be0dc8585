"""What there is to say and to draw of a model, by its kind."""
