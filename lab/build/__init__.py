"""What the clusters run, made once and stored in the cache: programs, charts and container images."""
