"""Where tasks run: in this process, on this machine, or on a Dask cluster."""
