# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""The options of every module that asks a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .._module import new_module
from .access import YAML_IMPORT_ERROR
from .api import URLLIB3_IMPORT_ERROR


def cluster_options() -> dict[str, dict[str, Any]]:
    """The options of the doc fragment image_trust.azure.cluster."""
    return {"kubeconfig": dict(type="path", required=True), "context": dict()}


def cluster_module(
    *,
    libraries: Mapping[str, str | None] | None = None,
    mutually_exclusive: list[Any] | None = None,
    required_one_of: list[Any] | None = None,
    required_together: list[Any] | None = None,
    required_if: list[Any] | None = None,
    **options: dict[str, Any],
) -> AnsibleModule:
    """A module with `options` beside those for the cluster; it supports check mode.

    It has failed already where a library is missing that asking a cluster needs, or one of `libraries`. These have the traceback of their import then,
    and None otherwise.
    """
    module = new_module(
        argument_spec={**cluster_options(), **options},
        mutually_exclusive=mutually_exclusive or [],
        required_one_of=required_one_of or [],
        required_together=required_together or [],
        required_if=required_if or [],
        supports_check_mode=True,
    )
    for library, error in {"urllib3": URLLIB3_IMPORT_ERROR, "PyYAML": YAML_IMPORT_ERROR, **(libraries or {})}.items():
        if error is not None:
            module.fail_json(msg=missing_required_lib(library), exception=error)
    return module
