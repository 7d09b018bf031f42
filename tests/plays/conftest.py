"""Fixtures for plays that ansible-playbook runs against the emulated Azure."""

from __future__ import annotations

from tests.support.module_fixtures import azure, backend, running_azure

__all__ = ["azure", "backend", "running_azure"]
