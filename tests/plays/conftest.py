"""Fixtures for plays that ansible-playbook runs against the emulated Azure."""

from __future__ import annotations

import sys

import pytest

from tests.support.module_fixtures import azure, backend, public_azure, running_azure

__all__ = ["azure", "backend", "public_azure", "running_azure"]


@pytest.fixture(scope="session")
def another_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same Python by another name, so that a module gets a process of its own."""
    python = tmp_path_factory.mktemp("bin") / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return str(python)
