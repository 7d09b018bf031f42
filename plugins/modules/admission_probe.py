#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: admission_probe
short_description: Ask a cluster which images it admits
version_added: 1.0.0
description:
  - Asks a Kubernetes cluster, with server-side dry runs of pods and of workloads, whether it admits images, and returns who refused
    them and why.
  - Compares the verdicts with what is expected. It does not fail because of an unexpected verdict; look at RV(passed).
  - A verdict is V(denied) when Gatekeeper's validation refused the image because of O(constraint), or when its mutation found no
    digest for the tag because the registry does not exist or does not have the image. All other answers (a registry or a webhook
    that does not answer, a quota, a missing permission) say nothing of the image, and the verdict is V(error).
  - After an unexpected refusal the module asks again until O(timeout) is over. Caches, and programs that have just started, may
    refuse an image, but never admit one by mistake. So it does not ask again for an image that is admitted although it should be
    denied.
  - Nothing stays in the cluster. RV(ignore:changed) is always V(false).
author:
  - The image_trust.azure authors (@image-trust)
options:
  namespace:
    description: Namespace in which the pods would be created. Choose one that the policy covers.
    type: str
    default: default
  exempt_namespaces:
    description:
      - Namespaces that the policy does not cover. Each image has to be admitted there, because the cluster needs their pods to
        start.
      - The module creates nothing there, so shapes that need an existing object are left out.
    type: list
    elements: str
    default: []
  images:
    description: The images to ask for.
    type: list
    elements: dict
    required: true
    suboptions:
      image:
        description: Image, with registry and tag or digest, as a pod names it.
        type: str
        required: true
      expect:
        description: The expected verdict.
        type: str
        choices: [admitted, denied]
        required: true
      reason:
        description:
          - Regular expression that the message of a denial has to match. A denial with another message is not the expected one.
            It does not count for the shapes V(patched_pod) and V(image_volume).
          - If not given, only a denial by O(constraint) passes, so a misspelt name is found. The message about a tag without a
            digest has V(the registry does not exist) or V(the registry does not have it).
        type: str
  shapes:
    description:
      - The kinds of objects to ask for, by which an image gets into the cluster. It is in a list of a pod's containers, or in the
        template of a workload.
      - V(ephemeral_container) is what C(kubectl debug) does, V(patched_deployment) and V(patched_pod) what C(kubectl set image)
        does to a Deployment and to a pod. They need an existing pod or Deployment. The module creates a pod that is never
        scheduled, or a Deployment without pods, and deletes it afterwards; in check mode it leaves these shapes out.
      - V(image_volume) is a volume of a pod that is made of the image.
      - As V(patched_pod) and V(image_volume) only images that are expected to be denied are asked for, and not in
        O(exempt_namespaces). Nothing replaces tags there, so a signed image that is named by its tag may be denied too. A denial
        has to name the image, for a volume as given. O(images[].reason) is about new containers and need not match.
      - If the API server drops image volumes from pods, because they are turned off or unknown, no image gets in by them, and
        V(image_volume) has no verdicts. They are on by default from Kubernetes 1.35.
    type: list
    elements: str
    choices:
      [container, init_container, ephemeral_container, deployment, replica_set, stateful_set, daemon_set, replication_controller, job, cron_job,
       patched_deployment, patched_pod, image_volume]
    default: [container]
  companion:
    description:
      - Image that the cluster admits, for the other containers of a pod, and for an object to which an image is added.
      - By default the first of O(images) that is expected to be admitted.
    type: str
  constraint:
    description: Name of the Gatekeeper constraint that has to deny. By default any constraint may.
    type: str
  run:
    description:
      - Whether to really create pods of the images, for a moment. Those that are expected to be denied have to be refused again.
      - With V(pull), a node has to pull each image that is expected to be admitted from its registry, even if the node has it. No
        program of yours starts. The command of the pod is a random path that no image has, so its container fails after the pull.
      - With V(start), a node also has to start the program of the image, without privileges, token and root. What the program then
        does is up to it. One that exits, also with an error, counts as started.
      - With V(none), only dry runs are made.
    type: str
    choices: [pull, start, none]
    default: pull
  timeout:
    description: Seconds to go on asking after an unexpected answer.
    type: int
    default: 60
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.cluster
attributes:
  check_mode:
    support: partial
    details:
      - The dry runs take place too, as they change nothing. No pod is created, and shapes that need an existing object are left
        out.
seealso:
  - module: image_trust.azure.verification_info
  - module: image_trust.azure.proof
"""

EXAMPLES = r"""
- name: Signed images are admitted and pulled, unsigned ones are denied
  image_trust.azure.admission_probe:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    constraint: images-verified
    images:
      - image: example.azurecr.io/web:1.2
        expect: admitted
      - image: nginx:latest
        expect: denied
        reason: No verification results
    shapes: [container, init_container, ephemeral_container]
  register: probe

- name: Require that every verdict passed
  ansible.builtin.assert:
    that: probe.passed
"""

RETURN = r"""
asked:
  description: Whether the cluster was asked. In check mode it is not where O(kubeconfig) does not exist, because the cluster does not exist either.
  returned: success
  type: bool
  sample: true
msg:
  description: The images that would be asked for.
  returned: when O(kubeconfig) does not exist, in check mode
  type: str
  sample: would ask for example.azurecr.io/web:1.2, nginx:latest
passed:
  description: Whether every verdict is the expected one, for the expected reason, and the nodes did what O(run) asks for.
  type: bool
  returned: success
  sample: true
verdicts:
  description: One entry for each image, shape and namespace, but for those that O(shapes) and check mode leave out.
  type: list
  elements: dict
  returned: success
  sample:
    - image: nginx:latest
      shape: container
      namespace: default
      expected: denied
      verdict: denied
      passed: true
      message: "[images-verified] image docker.io/library/nginx@sha256:86e5… is not verified: it has no signature (No verification results …)"
      refused_by: validation.gatekeeper.sh
      admitted_image: null
      ran: null
  contains:
    image:
      description: The image that was asked for.
      type: str
      returned: always
    shape:
      description: How it would have got into the cluster, such as V(container) or V(deployment).
      type: str
      returned: always
    namespace:
      description: Namespace in which it was asked for.
      type: str
      returned: always
    expected:
      description: What the cluster should say, V(admitted) or V(denied).
      type: str
      returned: always
    verdict:
      description: What the cluster said, V(admitted), V(denied) or V(error).
      type: str
      returned: always
    passed:
      description: Whether this is the expected verdict for the expected reason.
      type: bool
      returned: always
    message:
      description: The refusal, as the cluster gave it, or why an admitted image was not pulled or started; empty otherwise.
      type: str
      returned: always
    refused_by:
      description: The admission webhook that refused; null where none did.
      type: str
      returned: always
    admitted_image:
      description: The image of an admitted pod as it would be stored, with a digest where the cluster puts it in place of the tag; null of others.
      type: str
      returned: always
      sample: example.azurecr.io/web@sha256:22f1…
    ran:
      description: What became of the pod of an admitted image; null where none was made, as in check mode.
      type: dict
      returned: always
      contains:
        pulled:
          description: Whether a node pulled the image.
          type: bool
          returned: always
          sample: true
        started:
          description: Whether a program was started.
          type: bool
          returned: always
          sample: false
        message:
          description: V(pulled), V(running), or what became of it.
          type: str
          returned: always
          sample: pulled
        image_id:
          description: The image that the node pulled; null where it is not known.
          type: str
          returned: always
          sample: example.azurecr.io/web@sha256:22f1…
"""

from pathlib import Path
from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._admission.namespace import Namespace
from ansible_collections.image_trust.azure.plugins.module_utils._admission.probe import Asker, probe, questions
from ansible_collections.image_trust.azure.plugins.module_utils._admission.verdict import Expectation
from ansible_collections.image_trust.azure.plugins.module_utils._admission.workloads import ACCOMPANIED, SHAPES
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.api import ClusterError
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.arguments import cluster_module


def main() -> NoReturn:
    module = cluster_module(
        namespace=dict(default="default"),
        exempt_namespaces=dict(type="list", elements="str", default=[]),
        images=dict(
            type="list",
            elements="dict",
            required=True,
            options=dict(image=dict(required=True), expect=dict(required=True, choices=["admitted", "denied"]), reason=dict()),
        ),
        shapes=dict(type="list", elements="str", choices=list(SHAPES), default=["container"]),
        companion=dict(),
        constraint=dict(),
        run=dict(choices=["pull", "start", "none"], default="pull"),
        timeout=dict(type="int", default=60),
    )
    options = module.params
    images = [Expectation(**image) for image in options["images"]]
    companion = options["companion"] or next((e.image for e in images if e.expect == "admitted"), None)
    if companion is None and set(options["shapes"]) & set(ACCOMPANIED):
        module.fail_json(msg="These shapes need an image that is admitted beside the one in question: give companion, or an image with expect=admitted.")
    covered, exempt = options["namespace"], options["exempt_namespaces"]
    if module.check_mode and not Path(options["kubeconfig"]).exists():
        would = f"would ask for {', '.join(image.image for image in images)}"
        module.exit_json(changed=False, msg=would, asked=False, passed=False, verdicts=[])
    try:
        namespaces = {name: Namespace(options["kubeconfig"], name, options["context"]) for name in [covered, *exempt]}
        if not module.check_mode:
            namespaces[covered].delete_leftovers()
        asked = questions(images, options["shapes"], covered, exempt, read_only=module.check_mode)
        asker = Asker(namespaces, companion or "", options["constraint"])
        verdicts = probe(asker, asked, timeout=options["timeout"], run="none" if module.check_mode else options["run"])
    except ClusterError as e:
        module.fail_json(msg=f"The cluster cannot be probed: {e}.")
    module.exit_json(changed=False, asked=True, passed=all(each.passed for each in verdicts), verdicts=[each.to_dict() for each in verdicts])


if __name__ == "__main__":
    main()
