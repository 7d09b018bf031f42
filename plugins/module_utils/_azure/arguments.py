# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options that every module has. Private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import env_fallback

from .._module import new_module
from .errors import ModuleError, refuse
from .logins.choice import PROOFS

T = TypeVar("T")


def _from(*names: str, **spec: Any) -> dict[str, Any]:
    return {"type": "str", "fallback": (env_fallback, list(names)), **spec}


def login_options() -> dict[str, dict[str, Any]]:
    """The options of the doc fragment image_trust.azure.azure. What comes from the environment but is not here, logins/choice.py finds there."""
    return {
        "subscription_id": _from("AZURE_SUBSCRIPTION_ID"),
        "tenant": _from("AZURE_TENANT", "AZURE_TENANT_ID"),
        "client_id": _from("AZURE_CLIENT_ID"),
        "secret": dict(no_log=True),
        "x509_certificate_path": dict(type="path"),
        "x509_certificate_password": dict(no_log=True),
        "thumbprint": dict(),
        "oidc_token": dict(no_log=True),
        "oidc_token_file_path": dict(type="path", no_log=False),
        "token_cache": dict(type="path", no_log=False),
        "auth_source": _from("ANSIBLE_AZURE_AUTH_SOURCE", choices=["auto", "env", "credential_file", "cli", "msi"], default="auto"),
        "profile": dict(),
        "cloud_environment": _from("AZURE_CLOUD_ENVIRONMENT"),
    }


def azure_module(
    *,
    required_if: list[Any] | None = None,
    required_one_of: list[Any] | None = None,
    mutually_exclusive: list[Any] | None = None,
    required_by: dict[str, Any] | None = None,
    **options: dict[str, Any],
) -> AnsibleModule:
    """A module with `options` beside those for the login; it supports check mode."""
    return new_module(
        argument_spec={**login_options(), **options},
        required_if=required_if,
        required_one_of=required_one_of,
        mutually_exclusive=[[*PROOFS, "profile"], *(mutually_exclusive or [])],
        required_by=required_by or {},
        supports_check_mode=True,
    )


def state_option() -> dict[str, Any]:
    return {"type": "str", "choices": ["present", "absent"], "default": "present"}


def resource_options(**more: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The options by which an entry names a resource, as `ids.resource` takes them, and `more` beside them."""
    return {**{option: {"type": "str"} for option in ("name", "resource_group", "subscription_id", "id")}, **more}


def perhaps_unknown(module: AnsibleModule, option: str, entry: Mapping[str, Any] | None = None) -> str | None:
    """Value of an option (in `entry`, of a list) that an earlier task finds out; see `known_unless`."""
    return known_unless(module.check_mode, option, module.params if entry is None else entry)


def known_unless(check: bool, option: str, entry: Mapping[str, Any]) -> str | None:
    """Value of an option that an earlier task finds out. With `check` that task may not have known it: then, and only then, empty is None."""
    value: str | None = entry[option] or None
    if value is None and not check:
        raise refuse(f"{option} is empty; give the value that the task which creates it returned.")
    return value


def each(given: Mapping[str, Any], option: str, parse: Callable[[Mapping[str, Any]], T]) -> list[T]:
    """What `parse` makes of each entry of a list option, or of the given options where the list is not given. What it refuses names the entry."""
    if given[option] is None:
        return [parse(given)]
    parsed = []
    for number, entry in enumerate(given[option]):
        try:
            parsed.append(parse(entry))
        except ModuleError as failure:
            raise refuse(f"{option}[{number}]: {failure.sentence}") from None
    return parsed
