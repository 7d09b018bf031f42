"""A real Kubernetes node, control plane included, in namespaces of its own.

`control.Node` starts, stops and enters it from outside. `__main__` is its outer process: killing it removes everything. `inside` is process 1 of the
node's namespaces, which starts and watches the `components`.
"""
