"""The registries that clusters pull from, in front of the one real registry that stores their images."""
