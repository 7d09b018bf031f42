"""The Rego of role policy: the files that the role's variables name."""

from __future__ import annotations

from pathlib import Path

from .role_variables import ROLES, variables


def rego_files() -> list[Path]:
    """The module with the rule `violation`, then the libraries, as the template has them."""
    return [Path(file.replace("{{ role_path }}", str(ROLES / "policy"))) for file in variables("policy")["__policy_rego_files"]]
