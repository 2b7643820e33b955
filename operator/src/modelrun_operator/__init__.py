"""The operator: it raises a Dask cluster for a ModelRun and takes it away afterwards."""
