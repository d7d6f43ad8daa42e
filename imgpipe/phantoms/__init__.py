"""Synthetic specimens with a known truth, built from physics and instrument effects.

Each module is one technique: ``make(seed, **truth) -> (dataset, truth)`` and ``write(dataset, path)``.
No phantom evaluates the model that an estimator fits.
"""
