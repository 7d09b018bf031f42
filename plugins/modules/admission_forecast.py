#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: admission_forecast
short_description: Ask a cluster whether new pods of its workloads would be admitted
version_added: 1.0.0
description:
  - Asks a Kubernetes cluster, with server-side dry runs, whether it would admit a new pod of each workload. Mutation and validation
    take place as for a real pod, so tags are replaced and signatures are verified.
  - Looks at Deployments, StatefulSets, DaemonSets, ReplicaSets, ReplicationControllers, Jobs that have not finished, CronJobs, and pods without any of these
    as controller, in the namespaces that O(constraint) covers. It does not matter whether they have pods at the moment.
  - Each distinct set of images is asked for once in each namespace, by a pod with the labels, annotations and settings of the workload.
  - The module asks again once after a denial, and until O(timeout) is over after an answer that says nothing of the image. Caches,
    and programs that have just started, may refuse an image, but never admit one by mistake.
  - Only pods that a new request creates are judged. Workloads of other kinds, such as custom resources without pods, are not found.
  - Nothing is stored in the cluster. RV(ignore:changed) is always V(false).
author:
  - The image_trust.azure authors (@image-trust)
options:
  constraint:
    description:
      - Name of a constraint of kind C(ImagesVerified) that denies. Its C(labelSelector) requires the label
        C(image-trust.azure/forecast) with a value that only the pods of the forecast have, so no other pod is denied.
      - Every pod of Gatekeeper's webhook has to enforce it already. It must have no exemptions by service account.
    type: str
    required: true
  exemptions:
    description:
      - Exemptions as in C(policy_exemptions). Those without C(service_accounts) have to be in O(constraint) too; RV(exempt) has
        their last day.
      - Those with C(service_accounts) cannot cover the pods of workloads, which controllers of C(kube-system) create. The module
        does not know who creates a bare pod, so one that is denied without such an exemption is in RV(unknown).
    type: list
    elements: dict
    default: []
  timeout:
    description: Seconds to go on asking after an answer that says nothing of the image.
    type: int
    default: 60
  progress_file:
    description:
      - File on the machine where the module runs. The module writes its progress there, in one line.
      - Without it a playbook shows such a line every 10 seconds, if the module runs on the controller.
    type: path
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.cluster
attributes:
  action:
    details:
      - Shows how far the module is. The module has a process of its own.
seealso:
  - module: image_trust.azure.admission_probe
"""

EXAMPLES = r"""
- name: Get what would be denied
  image_trust.azure.admission_forecast:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    constraint: images-verified-trial
  register: forecast

- name: Reject what would be denied
  ansible.builtin.assert:
    that: forecast.denied | length == 0
    fail_msg: "{{ forecast.denied | map(attribute='sentence') | join('; ') }}"
"""

RETURN = r"""
workloads:
  description: How many workloads, bare pods included, were looked at in the namespaces that O(constraint) covers.
  type: int
  returned: success
  sample: 214
image_sets:
  description: How many distinct sets of images they have, each counted once in each namespace.
  type: int
  returned: success
  sample: 37
denied:
  description: Those whose pods would be denied, all of them; one entry for each set of images.
  type: list
  elements: dict
  returned: success
  contains:
    namespace:
      description: Their namespace.
      type: str
      returned: always
      sample: shop
    workloads:
      description: Their kinds and names.
      type: list
      elements: str
      returned: always
      sample: [Deployment web, CronJob nightly]
    images:
      description: The images of their pods.
      type: list
      elements: str
      returned: always
      sample: ["example.azurecr.io/web:test"]
    verdict:
      description: V(denied), V(not_judged), V(unknown), V(exempt) or V(admitted).
      type: str
      returned: always
      sample: denied
    message:
      description: Why, as the cluster says; of an exemption, until when.
      type: str
      returned: always
      sample: "image example.azurecr.io/web@sha256:22f1… is not verified: it has no signature (No verification results …)"
    sentence:
      description: Namespace, workloads and reason for people; of more than ten workloads, ten are named.
      type: str
      returned: always
      sample: "shop: Deployment web, CronJob nightly: image example.azurecr.io/web@sha256:22f1… is not verified: it has no signature (…)"
  sample:
    - namespace: shop
      workloads: [Deployment web, CronJob nightly]
      images: ["example.azurecr.io/web:test"]
      verdict: denied
      message: "image example.azurecr.io/web@sha256:22f1… is not verified: it has no signature (No verification results …)"
      sentence: "shop: Deployment web, CronJob nightly: image example.azurecr.io/web@sha256:22f1… is not verified: it has no signature (…)"
not_judged:
  description: Those of which Gatekeeper, Ratify or the API server gave no verdict until O(timeout) was over, each as RV(denied).
  type: list
  elements: dict
  returned: success
  sample:
    - namespace: shop
      workloads: [Deployment web]
      images: ["example.azurecr.io/web:1.2"]
      verdict: not_judged
      message: "image verification is not available: …"
      sentence: "shop: Deployment web: image verification is not available: …"
unknown:
  description:
    - Those of which it cannot be said, each as RV(denied).
    - An exemption may cover a bare pod's creator, or something else than the policy refuses the pod, such as Pod Security admission or another webhook.
  type: list
  elements: dict
  returned: success
  sample:
    - namespace: shop
      workloads: [Pod tools]
      images: ["example.azurecr.io/web:test"]
      verdict: unknown
      message: "admitted only where ops/deployer creates the pod, and who creates it is not known. For all others: …"
      sentence: "shop: Pod tools: admitted only where ops/deployer creates the pod, and who creates it is not known. For all others: …"
exempt:
  description: Those that are admitted because O(exemptions) cover images of theirs, each as RV(denied). The message says until when, by whom and why.
  type: list
  elements: dict
  returned: success
  sample:
    - namespace: shop
      workloads: [Deployment proxy]
      images: ["nginx:1.29"]
      verdict: exempt
      message: "nginx:1.29 until 2027-03-31 (platform: vendor image)"
      sentence: "shop: Deployment proxy: nginx:1.29 until 2027-03-31 (platform: vendor image)"
admitted:
  description: Those that are admitted otherwise, each as RV(denied), with an empty message.
  type: list
  elements: dict
  returned: success
  sample:
    - namespace: shop
      workloads: [Deployment api]
      images: ["example.azurecr.io/api:1.2"]
      verdict: admitted
      message: ""
      sentence: "shop: Deployment api: "
table:
  description: A line for each, by namespace, what would be denied first.
  type: list
  elements: str
  returned: success
  sample: ["shop  denied      Deployment web: image example.azurecr.io/web@sha256:22f1… is not verified: it has no signature (…)"]
blocking:
  description: The sentences of RV(denied) and RV(not_judged) for people, 50 at most; empty where there are none.
  type: str
  returned: success
  sample: "shop: Deployment web: image example.azurecr.io/web@sha256:22f1… is not verified: it has no signature (…)."
not_known:
  description: The sentences of RV(unknown) for people, 50 at most; empty where there are none.
  type: str
  returned: success
  sample: "shop: Pod tools: admitted only where ops/deployer creates the pod, and who creates it is not known. For all others: …."
"""

from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._forecast.asking import all_objects, all_workloads, ask, trial
from ansible_collections.image_trust.azure.plugins.module_utils._forecast.judgement import image_sets, listed, outcomes, summary, table
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.api import ClusterApi, ClusterError
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.arguments import cluster_module


def main() -> NoReturn:
    module = cluster_module(
        constraint=dict(required=True),
        exemptions=dict(type="list", elements="dict", default=[]),
        timeout=dict(type="int", default=60),
        progress_file=dict(type="path"),
    )
    options = module.params

    def progress(line: str) -> None:
        # On another machine there is no folder of the controller.
        with suppress(OSError):
            if options["progress_file"]:
                Path(options["progress_file"]).write_text(line)

    try:
        api = ClusterApi(options["kubeconfig"], options["context"])
        judge = trial(api, options["constraint"])
        sets = image_sets(all_workloads(all_objects(api)), judge.match)
        answers = ask(api, judge, sets, options["timeout"], progress)
    except ClusterError as e:
        module.fail_json(msg=f"What becomes of the cluster's workloads cannot be asked: {e}.")
    found = [outcome for asked, answer in zip(sets, answers, strict=True) for outcome in outcomes(asked, answer, judge.name, options["exemptions"])]
    texts = dict(blocking=summary(found, "denied", "not_judged"), not_known=summary(found, "unknown"), table=table(found))
    module.exit_json(changed=False, workloads=sum(len(asked.workloads) for asked in sets), image_sets=len(sets), **texts, **listed(found))


if __name__ == "__main__":
    main()
