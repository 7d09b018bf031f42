#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: signature_forecast
short_description: Find who has signed the running images, and until which day pods of workloads can be created again
version_added: 1.0.0
description:
  - Reads which images run in a Kubernetes cluster, and which images new pods of its workloads would have. Tags are resolved as they
    are in the registry now.
  - Reads their signatures in the registries as M(image_trust.azure.image_signature_info), and compares the signers with the trust policies and certificates
    that Ratify has in the cluster.
  - Whether a signature is valid is not verified here. M(image_trust.azure.admission_forecast) asks Ratify for that; pass its result
    as O(forecast).
  - If a registry or a vault cannot be read, that is a RV(images[].problem) and the image does not count as trusted. The module does
    not fail.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - cryptography >= 42.0.0
  - notation >= 1.3.0
options:
  forecast:
    description:
      - What M(image_trust.azure.admission_forecast) returned. RV(until) leaves out workloads that it does not have, or that would
        already be denied now.
    type: dict
    required: true
  notation_path:
    description: The program, as a path or as a name on the search path.
    type: str
    default: notation
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.cluster
  - image_trust.azure.azure
  - image_trust.azure.registry
notes:
  - In vaults the login needs the permissions that M(image_trust.azure.proof) needs to describe certificates. Without them the
    signers that these certificates trust are not known.
seealso:
  - module: image_trust.azure.admission_forecast
  - module: image_trust.azure.image_signature_info
"""

EXAMPLES = r"""
- name: Get what would be denied
  image_trust.azure.admission_forecast:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    constraint: images-verified-trial
  register: forecast

- name: Get who has signed what runs
  image_trust.azure.signature_forecast:
    kubeconfig: ~/.kube/image-trust/production/web.yaml
    forecast: "{{ forecast }}"
  register: signed

- name: Show after which day what cannot be created again
  ansible.builtin.debug:
    var: signed.until
"""

RETURN = r"""
images:
  description: Each image that runs, or that new pods of workloads would have, once.
  type: list
  elements: dict
  returned: success
  sample:
    - image: contosoimages.azurecr.io/web@sha256:5d0da3dc976460b72c77d94c8a1ad043720b0416bfc16c52c45d4847e53fadb6
      workloads: [{namespace: shop, kind: Deployment, name: web}]
      needed_by: [{namespace: shop, kind: Deployment, name: web}]
      problem:
      trusted: true
      restartable_until: '2027-06-01T08:00:00Z'
      ending: the certificate CN=contoso release,O=Contoso,ST=WA,C=US expires
      signatures:
        - kind: notation
          signer: CN=contoso release,O=Contoso,ST=WA,C=US
          thumbprint_sha256: 4c6ff1d1a9aa1a8f1e9ea9a7c2c7b1b3e0a5d4f3c2b1a0f9e8d7c6b5a4938271
          certificate_expires: '2027-06-01T08:00:00Z'
          expires:
          time_stamp:
          trusted: true
          trust_policy: release
          problem:
  contains:
    image:
      description: The image by its digest, or as it was named where its digest is not known.
      type: str
      returned: always
    workloads:
      description:
        - The workloads whose pods run it now; C(kind) is V(Pod) of a pod that no workload of Kubernetes has created.
        - Each with C(namespace), C(kind) and C(name) of RV(image_trust.azure.cluster_objects_info#module:objects).
      type: list
      elements: dict
      returned: always
    needed_by:
      description:
        - The workloads whose new pods would have it, of those that O(forecast) has and that would not be denied.
        - Each with C(namespace), C(kind) and C(name) of RV(image_trust.azure.cluster_objects_info#module:objects).
      type: list
      elements: dict
      returned: always
    problem:
      description: Why it is not trusted, or why that is not known, such as a registry that cannot be read; null where RV(images[].trusted) is V(true).
      type: str
      returned: always
    trusted:
      description:
        - Whether all signatures that Ratify looks at, and at least one, are by signers whom its trust policies trust with this repository.
        - V(false) also where there is none; null where it is not known.
      type: bool
      returned: always
    restartable_until:
      description:
        - The last moment at which all these signatures still count, as far as dates go. Ratify wants every one of them to be good.
        - A certificate's end counts unless the trust policy has a trust store of time stamps. With a level below V(strict) no date counts.
        - Null where no date is known, there is none, or a signature is not trusted, so that RV(images[].trusted) is V(false).
      type: str
      returned: always
    ending:
      description: What expires then; null without a date.
      type: str
      returned: always
    signatures:
      description:
        - Its signatures; null where they could not be read.
        - Each with C(kind), C(signer), C(thumbprint_sha256), C(certificate_expires), C(expires) and C(time_stamp) of
          RV(image_trust.azure.image_signature_info#module:images[].signatures).
      type: list
      elements: dict
      returned: always
      contains:
        trusted:
          description: Whether a trust policy of Ratify trusts its signer with this repository; null where that is not known.
          type: bool
          returned: always
        trust_policy:
          description: The trust policy that decides about the repository; null where none does, or that is not known.
          type: str
          returned: always
        problem:
          description: Why it is not trusted, or why that is not known; null where RV(images[].signatures[].trusted) is V(true).
          type: str
          returned: always
until:
  description:
    - After which day which workloads can no longer be created again, the first day first. A workload may be in several; the first one counts.
    - Workloads without a date are not in it, nor those that would be denied now already.
  type: list
  elements: dict
  returned: success
  sample:
    - day: '2027-06-01'
      time: '2027-06-01T08:00:00Z'
      reason: the certificate CN=contoso release,O=Contoso,ST=WA,C=US expires
      images: [contosoimages.azurecr.io/web@sha256:5d0da3dc976460b72c77d94c8a1ad043720b0416bfc16c52c45d4847e53fadb6]
      workloads: [{namespace: shop, kind: Deployment, name: web}]
  contains:
    day:
      description: The last day, in UTC.
      type: str
      returned: always
    time:
      description: The last moment of it.
      type: str
      returned: always
    reason:
      description: What expires then.
      type: str
      returned: always
    images:
      description: The images that are no longer verified.
      type: list
      elements: str
      returned: always
    workloads:
      description:
        - The workloads whose new pods would have them. Exemptions of an image are not considered.
        - Each with C(namespace), C(kind) and C(name) of RV(image_trust.azure.cluster_objects_info#module:objects).
      type: list
      elements: dict
      returned: always
lines:
  description: The same in lines for people. How many images are signed by trusted signers comes first, then why that is not known of some.
  type: list
  elements: str
  returned: success
  sample:
    - "2 images run: 1 signed by trusted signers, 0 not, 1 not known."
    - "not known: contoso.azurecr.io/proxy:v1: The node does not say by which digest it runs."
    - "not restartable after 2027-06-01, when the certificate CN=contoso release,O=Contoso,ST=WA,C=US expires: shop: Deployment web"
"""

from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.image_trust.azure.plugins.module_utils._arm.vault_anchors import described_anchors
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import login_options
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.choice import PROOFS
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import login
from ansible_collections.image_trust.azure.plugins.module_utils._forecast import signers
from ansible_collections.image_trust.azure.plugins.module_utils._forecast.asking import all_objects, all_workloads, trust_objects
from ansible_collections.image_trust.azure.plugins.module_utils._forecast.trust import trust
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.api import ClusterApi, ClusterError
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.arguments import cluster_module
from ansible_collections.image_trust.azure.plugins.module_utils._ratify.anchors import CRYPTOGRAPHY_IMPORT_ERROR, anchors
from ansible_collections.image_trust.azure.plugins.module_utils._signatures.notation import notation
from ansible_collections.image_trust.azure.plugins.module_utils._signatures.reading import described


def read(module: AnsibleModule, images: list[str]) -> list[dict[str, Any]]:
    """Their signatures, or why there is no login or no program that reads them."""
    try:
        with notation(module.params["notation_path"], None) as program:
            return described(login(module), program, images)
    except ModuleError as failure:
        return [{"image": name, "reference": None, "problem": failure.sentence, "signatures": None} for name in images]


def main() -> NoReturn:
    options: dict[str, Any] = {**login_options(), "forecast": dict(type="dict", required=True), "notation_path": dict(default="notation")}
    module = cluster_module(libraries={"cryptography": CRYPTOGRAPHY_IMPORT_ERROR}, mutually_exclusive=[[*PROOFS, "profile"]], **options)
    try:
        api = ClusterApi(module.params["kubeconfig"], module.params["context"])
        objects, of_ratify = all_objects(api), trust_objects(api)
        run, new = signers.running(objects), signers.wanted(all_workloads(objects), module.params["forecast"])
    except ClusterError as e:
        module.fail_json(msg=f"What runs in the cluster cannot be read: {e}.")
    except (KeyError, TypeError):
        module.fail_json(msg="forecast is not what module admission_forecast returns.")
    held = described_anchors(anchors(of_ratify["key_management_providers"]), lambda: login(module)) if of_ratify else []
    whom = trust(of_ratify, held) if of_ratify else None
    found = signers.joined(run, new, read(module, signers.to_read(run, new)), whom)
    module.exit_json(changed=False, images=found, until=signers.until(found), lines=signers.lines(found))


if __name__ == "__main__":
    main()
