"""Key Vault: the data plane of each vault. The vaults themselves are Resource Manager's."""
