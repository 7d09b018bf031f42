#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: chart_values_check
short_description: Fail when a Helm chart would ignore a value
version_added: 1.0.0
description:
  - Compares values with the chart's own C(values.yaml), as C(helm show values) prints it, and fails if a key is not in it, or if a
    value has another type. A chart without a schema ignores both, or takes the text C("false") for true.
  - Reads the chart from its repository and changes nothing. C(helm) has to be on the controller's PATH.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - helm >= 3
  - PyYAML
options:
  chart_repo_url:
    description: URL of the Helm repository.
    type: str
    required: true
  chart:
    description: Name of the chart in the repository.
    type: str
    required: true
  chart_version:
    description: Version of the chart.
    type: str
    required: true
  values:
    description: The values to check.
    type: dict
    required: true
  also_read:
    description: Names, with their parents and dots, of values that the chart reads though its C(values.yaml) does not name them.
    type: list
    elements: str
    default: []
  free:
    description:
      - Names, with their parents and dots, below which any key is allowed although C(values.yaml) has some.
      - Below an empty mapping of C(values.yaml), such as for annotations, any key is always allowed.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - image_trust.azure.attributes.info
seealso:
  - module: kubernetes.core.helm
  - module: kubernetes.core.helm_template
"""

EXAMPLES = r"""
- name: The values are ones that the chart reads
  image_trust.azure.chart_values_check:
    chart_repo_url: https://notaryproject.github.io/ratify
    chart: ratify
    chart_version: 1.15.7
    values:
      replicaCount: 2
      resources:
        limits: {memory: 1Gi}
    also_read: [dockerConfig, registryCredsSecret]
    free: [resources, featureFlags]
"""

RETURN = r"""
problems:
  description: What is wrong with the values, a line each, when something is.
  type: list
  elements: str
  returned: failure
  sample:
    - replicaCounts is not a value of the chart (did you mean replicaCount?)
"""

import traceback
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.chart_values import problems
from ansible_collections.image_trust.azure.plugins.module_utils._module import new_module

try:
    import yaml
except ImportError:
    YAML_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None


def chart_values(module: AnsibleModule) -> dict[str, Any]:
    """The chart's own values; ends the module where helm cannot tell them."""
    options = module.params
    helm = module.get_bin_path("helm", required=True)
    argv = [helm, "show", "values", options["chart"], "--repo", options["chart_repo_url"], "--version", options["chart_version"]]
    status, printed, error = module.run_command(argv)
    if status:
        module.fail_json(
            msg=f"the values of chart {options['chart']} {options['chart_version']} of {options['chart_repo_url']} cannot be read: {error.strip()}"
        )
    values: dict[str, Any] = yaml.safe_load(printed) or {}
    return values


def main() -> NoReturn:
    module = new_module(
        argument_spec=dict(
            chart_repo_url=dict(required=True),
            chart=dict(required=True),
            chart_version=dict(required=True),
            values=dict(type="dict", required=True),
            also_read=dict(type="list", elements="str", default=[]),
            free=dict(type="list", elements="str", default=[]),
        ),
        supports_check_mode=True,
    )
    if YAML_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("PyYAML"), exception=YAML_IMPORT_ERROR)
    options = module.params
    found = problems(options["values"], chart_values(module), options["also_read"], options["free"])
    if found:
        module.fail_json(msg=f"chart {options['chart']} {options['chart_version']} would not use these values: {'; '.join(found)}", problems=found)
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
