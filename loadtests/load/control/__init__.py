"""What goes on around a run: looking at the stack, preparing it, starting generators, gathering what they tell."""
