"""What Key Vault's data plane answers when it does not do what it was asked for."""

from __future__ import annotations


class KeyVaultError(Exception):
    """A request that is answered with an error, in Key Vault's form."""

    def __init__(self, status: int, code: str, message: str, *, inner: str | None = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.inner, self.headers = status, code, message, inner, headers


def not_found(singular: str, name: str, version: str) -> KeyVaultError:
    """There is no such `singular` (secret, certificate, key)."""
    asked = f"{name}/{version}" if version else name
    return KeyVaultError(
        404,
        f"{singular.capitalize()}NotFound",
        f"A {singular} with (name/id) {asked} was not found in this key vault. If you recently deleted this {singular} you may be able to "
        "recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182",
    )
