"""A plan that outlives its run: its JSON, the seal on a saved one, and whether it still holds when it is applied."""
