#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: helm_check
short_description: Fail when kubernetes.core does not work with the installed Helm
version_added: 1.0.0
description:
  - Reads the version of C(helm) on the PATH and changes nothing. Run it before anything is written.
  - P(kubernetes.core.helm#module) before 6.4.0 installs a chart with Helm 4 and fails afterwards, so that the run does not report the change.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - helm 3, or helm 4 with kubernetes.core >= 6.4.0
options:
  kubernetes_core:
    description:
      - Version of the collection kubernetes.core. The lookup P(image_trust.azure.collection_version#lookup) reads it.
      - A version that does not begin with a number, such as V(*), counts as older than 6.4.0.
    type: str
    required: true
extends_documentation_fragment:
  - image_trust.azure.attributes.info
seealso:
  - module: kubernetes.core.helm
  - plugin: image_trust.azure.collection_version
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Require a Helm that kubernetes.core works with
  image_trust.azure.helm_check:
    kubernetes_core: "{{ lookup('image_trust.azure.collection_version', 'kubernetes.core') }}"
"""

RETURN = r"""
helm_version:
  description: Version of Helm, as it prints it.
  type: str
  returned: success
  sample: v3.22.0
"""

from typing import NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.helm_program import WAY_OUT, HelmError, require_pair


def main() -> NoReturn:
    module = AnsibleModule(argument_spec=dict(kubernetes_core=dict(required=True)), supports_check_mode=True)
    helm = module.get_bin_path("helm", required=True)
    status, printed, error = module.run_command([helm, "version", "--template", "{{.Version}}"])
    if status:
        module.fail_json(msg=f"The version of {helm} cannot be read: {error.strip()}. {WAY_OUT}")
    try:
        require_pair(printed.strip(), module.params["kubernetes_core"])
    except HelmError as e:
        module.fail_json(msg=str(e))
    module.exit_json(changed=False, helm_version=printed.strip())


if __name__ == "__main__":
    main()
