"""Numerics on plain numpy arrays: no xarray, no dask, no input or output.

One idea per module. Lengths are in pixels, grey values in counts; functions that step code may call
say so in their docstrings. Compiled kernels release the GIL and are cached on disk.
"""
