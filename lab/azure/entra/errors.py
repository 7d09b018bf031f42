"""Errors of Entra's token service. https://learn.microsoft.com/entra/identity-platform/reference-error-codes"""

from __future__ import annotations


class EntraError(Exception):
    """An answer with an `AADSTS` code."""

    def __init__(self, number: int, message: str, error: str = "invalid_client", status: int = 401) -> None:
        super().__init__(message)
        self.number, self.message, self.error, self.status = number, message, error, status


def malformed() -> EntraError:
    return EntraError(50027, "JWT token is invalid or malformed.", "invalid_request", 400)
