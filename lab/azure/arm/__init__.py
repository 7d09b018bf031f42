"""Azure Resource Manager: one module a resource type."""
