"""Fixtures of the modules' tests."""

from __future__ import annotations

from tests.module_fixtures import azure, backend, converge, run, running_azure

__all__ = ["azure", "backend", "converge", "run", "running_azure"]
