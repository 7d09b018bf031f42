"""A real Kubernetes cluster and an emulated Azure on one Linux machine."""
