"""Predictions for a new strategy from a few hundred graded probes, without training anything else."""
