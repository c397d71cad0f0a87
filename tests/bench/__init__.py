"""`make bench`: what things cost, as ratios within one run. Nothing here is a test: a slow machine fails nothing."""
