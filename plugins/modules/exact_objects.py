#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: exact_objects
short_description: Keep Kubernetes objects exactly as given, or as a Helm release made them
version_added: 1.0.0
description:
  - Finds what was changed, added, removed or deleted manually, and restores it. An object that can be changed in place is not
    deleted for that.
  - P(kubernetes.core.k8s#module) does not change fields that a definition does not name, such as a selector that a user added to a
    webhook. P(kubernetes.core.helm#module) compares only the version and the values of a release.
  - A dry run returns the expected object, with all defaults of the API server. Labels become exactly those given, because they
    select. Annotations of others, and the status, are not changed.
  - A Deployment may have more pods than given if a HorizontalPodAutoscaler, such as one of KEDA, allows them. Fewer pods than given
    are restored, so the minimum of an autoscaler must not be smaller.
  - Immutable fields are restored by recreating the object, if nothing is lost by that (C(ClusterRoleBinding), C(ConfigMap),
    C(DaemonSet), C(Deployment), C(ResourceQuota), C(RoleBinding), C(Secret), C(Service), C(ServiceAccount)), and only once the API
    server has accepted the new one in a dry run. For other kinds a changed immutable field is an error.
  - Waits until the Deployments that it changed are rolled out. When it changed a ServiceAccount or a ConfigMap, which pods read at their start, it restarts the
    Deployments among the objects.
author:
  - The image_trust.azure authors (@image-trust)
options:
  definitions:
    description:
      - The complete objects.
      - Labels of a Namespace that the definition does not name stay as they are.
    type: list
    elements: dict
    default: []
  release:
    description:
      - Name of a Helm release, whose record has the objects. Those of the chart's C(crds) folder, and those that its hooks leave
        behind, are among them.
      - They come after those of O(definitions). The release has no objects if it is not installed, if Helm is active, or if Helm
        was interrupted.
      - A record that a program other than Helm has written is an error.
    type: str
  release_namespace:
    description: Namespace of O(release).
    type: str
  absent:
    description:
      - References of objects to delete, after the others were restored, each with C(apiVersion), C(kind) and C(metadata).
      - Waits until they are gone, with what they own.
    type: list
    elements: dict
    default: []
  preserved:
    description: Fields that other programs fill in while they run, and that stay as they are.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description: Kind of the objects.
        type: str
        required: true
      field:
        description: The path to the field; V(*) stands for each entry of a list.
        type: list
        elements: str
        required: true
  wait_timeout:
    description: Seconds to wait at most for a Deployment to be rolled out, a kind to be known and served, or an object to be gone.
    type: int
    default: 300
extends_documentation_fragment:
  - image_trust.azure.attributes
  - image_trust.azure.cluster
attributes:
  check_mode:
    details:
      - If O(kubeconfig) does not exist, the cluster counts as missing too, and everything in O(definitions) would be created.
      - The API server is asked with dry runs. If it has to ask a webhook that does not answer, such as a Gatekeeper that the same
        playbook would restore, the module cannot predict the object; RV(unpredicted) and a warning name it.
  diff_mode:
    details:
      - The data of secrets and the values of environment variables are not shown.
seealso:
  - module: image_trust.azure.cluster_objects_info
  - module: kubernetes.core.helm
  - module: kubernetes.core.k8s
"""

EXAMPLES = r"""
- name: Ratify is as its Helm release says
  image_trust.azure.exact_objects:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    release: ratify
    release_namespace: gatekeeper-system
    preserved:
      # Its certificate is renewed from time to time.
      - kind: Secret
        field: [data]
      - kind: Provider
        field: [spec, caBundle]

- name: Let a drain leave all pods but one, also after manual changes
  image_trust.azure.exact_objects:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    definitions:
      - apiVersion: policy/v1
        kind: PodDisruptionBudget
        metadata:
          name: web
          namespace: web
        spec:
          maxUnavailable: 1
          selector:
            matchLabels: {app: web}
"""

RETURN = r"""
titles:
  description: All objects that were looked at.
  type: list
  elements: str
  returned: success
  sample: [Verifier verifier-notation, Deployment gatekeeper-system/ratify]
unpredicted:
  description: Those of which a check cannot know whether they are as given, because a webhook does not answer.
  type: list
  elements: str
  returned: success
  sample: [Provider ratify-provider]
objects:
  description:
    - Those that were not as given.
    - Each with C(kind), C(namespace), C(name) and C(title) of RV(image_trust.azure.cluster_objects_info#module:objects).
  type: list
  elements: dict
  returned: success
  sample: [{kind: Deployment, namespace: gatekeeper-system, name: ratify, title: Deployment gatekeeper-system/ratify}]
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.image_trust.azure.plugins.module_utils._change import Change, exit_converged
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.api import ClusterApi, ClusterError
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.arguments import cluster_module
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.converge import ExactObject, ExactObjects, Preserved
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.helm import RecordError, read_records

CALLED = "objects of the cluster"


def asked(module: AnsibleModule, api: ClusterApi) -> list[Mapping[str, Any]]:
    """The objects of `definitions` and of the release, in this order."""
    options = module.params
    made = read_records(api, options["release"], options["release_namespace"]).objects if options["release"] else []
    return [*options["definitions"], *made]


def main() -> NoReturn:
    module = cluster_module(
        definitions=dict(type="list", elements="dict", default=[]),
        release=dict(),
        release_namespace=dict(),
        absent=dict(type="list", elements="dict", default=[]),
        preserved=dict(
            type="list",
            elements="dict",
            default=[],
            options=dict(kind=dict(required=True), field=dict(type="list", elements="str", required=True)),
        ),
        wait_timeout=dict(type="int", default=300),
        required_together=[("release", "release_namespace")],
    )
    options = module.params
    for option in ("definitions", "absent"):
        if not all(each.get("apiVersion") and each.get("kind") and (each.get("metadata") or {}).get("name") for each in options[option]):
            module.fail_json(msg=f"Each of {option} needs apiVersion, kind and metadata with a name.")
    if module.check_mode and not Path(options["kubeconfig"]).exists():
        changes = [Change(None, ExactObject(each)) for each in options["definitions"]]
        exit_converged(module, changes, "objects", CALLED, titles=[change.after.title for change in changes if change.after], unpredicted=[])
    preserved = [Preserved(each["kind"], tuple(each["field"])) for each in options["preserved"]]
    try:
        api = ClusterApi(options["kubeconfig"], options["context"])
        cluster = ExactObjects(api, preserved, check_mode=module.check_mode, timeout=options["wait_timeout"])
        changes = [cluster.converge(each) for each in asked(module, api)]
        cluster.rolled_out(changes)
        removed = cluster.remove(options["absent"])
    except RecordError as e:
        module.fail_json(msg=str(e))
    except ClusterError as e:
        module.fail_json(msg=f"The cluster's objects cannot be restored: {e}.")
    if cluster.unpredicted:
        module.warn(f"Whether this changes is not known, for a webhook does not answer that has to be asked: {', '.join(cluster.unpredicted)}.")
    results = dict(titles=[change.after.title for change in changes if change.after], unpredicted=cluster.unpredicted)
    exit_converged(module, [change for change in [*changes, *removed] if change.changed], "objects", CALLED, **results)


if __name__ == "__main__":
    main()
