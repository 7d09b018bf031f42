#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Check everything that could be refused, before anything is written
version_added: 1.0.0
description:
  - Evaluates all that can be known before the roles write, and reports all findings at once. It only reads.
  - A finding is V(refuse), V(warn) or V(ok). With at least one V(refuse) the module fails with all of them in one message.
  - What cannot be read is a finding too, and does not stop the others.
  - It refuses a cluster with Azure Policy's own Gatekeeper, one that is stopped or being deleted, and an old Kubernetes.
  - It refuses an identity that M(image_trust.azure.workload_identity) would refuse.
  - It refuses each write that the login has no permission for, with its action and scope. A role that was assigned with a condition
    counts as one without.
  - It refuses what M(image_trust.azure.gatekeeper_info) and M(image_trust.azure.ratify_info) return as problems. If the cluster
    cannot be read, that is a warning, or a refusal if the run would change the cluster itself.
  - It refuses a cluster that another run configures, as M(image_trust.azure.cluster_lease) records it. In check mode that is a warning.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-mgmt-containerservice >= 32.1.0
  - azure-mgmt-containerregistry >= 10.3.0
  - azure-mgmt-authorization >= 4.0.0
  - azure-mgmt-msi >= 7.0.0 and azure-mgmt-keyvault >= 10.3.1, with O(identity)
  - azure-mgmt-resource >= 23.2.0, for what is created without a location
  - cryptography >= 42.0.0, with certificates in O(identity)
  - PyYAML and urllib3, for what is in the cluster
options:
  findings:
    description: What is already known to be refused, a list of sentences for each object, such as V(role ratify).
    type: dict
    default: {}
  cluster:
    description: Options of M(image_trust.azure.aks_cluster) but those for the login. Without them no cluster is evaluated.
    type: dict
  identity:
    description: Options of M(image_trust.azure.workload_identity) but those for the login. Without them no identity is evaluated.
    type: dict
  gatekeeper:
    description: Options of M(image_trust.azure.gatekeeper_info) but those for the cluster, which is O(cluster). Without them Gatekeeper is not evaluated.
    type: dict
  ratify:
    description: Options of M(image_trust.azure.ratify_info) but those for the cluster, which is O(cluster). Without them Ratify is not evaluated.
    type: dict
  policy:
    description:
      - The policy's C(namespace), which is that of Gatekeeper, its C(excluded_namespaces), each with C(name) and C(reason), and C(pilot), the namespaces to
        which it is limited.
      - Other namespaces must not be exempt by Gatekeeper's Config or by its label, and those of C(pilot) have to exist. Without this option the policy is
        not evaluated.
    type: dict
  trust:
    description: Whom Ratify will trust. Without it, scopes and the certificates of vaults are not compared with it. Certificates are those of O(identity).
    type: dict
    suboptions:
      policies:
        description: The trust policies, each with C(name), C(trustedIdentities) and C(trustStores), as role P(image_trust.azure.ratify#role) takes them.
        type: list
        elements: dict
        default: []
      scopes:
        description: The repositories for which a signer is trusted, each with its registry, or V(*).
        type: list
        elements: str
        default: []
      registries:
        description: Login servers at which Ratify logs in; those of the registries of O(identity) where none is given.
        type: list
        elements: str
        default: []
      warn_days:
        description: Certificates that expire within so many days are a warning.
        type: int
        default: 30
  holder:
    description: The run that will configure the cluster, as P(image_trust.azure.run_holder#lookup) names it. Its own Lease is not refused.
    type: str
    default: ""
extends_documentation_fragment:
  - image_trust.azure.attributes
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.aks_cluster
  - module: image_trust.azure.workload_identity
  - module: image_trust.azure.gatekeeper_info
  - module: image_trust.azure.ratify_info
  - module: image_trust.azure.cluster_lease
"""

EXAMPLES = r"""
- name: Check a cluster and Ratify's identity before anything is written
  image_trust.azure.preflight:
    cluster:
      resource_group: image-trust
      name: lab1
      oidc_issuer: true
      workload_identity: true
      registries: [{resource_group: image-trust, name: imagetrustlab}]
    identity:
      resource_group: image-trust
      name: ratify-lab1
      federated_credentials:
        - name: ratify-lab1
          cluster: {resource_group: image-trust, name: lab1}
          subject: system:serviceaccount:gatekeeper-system:ratify-admin
      vaults:
        - {resource_group: image-trust, name: image-trust-lab}
    gatekeeper:
      chart_version: 3.23.1
    ratify:
      chart_version: 1.15.7
  register: preflight

- name: Show what was found
  ansible.builtin.debug:
    var: preflight.table
"""

RETURN = r"""
findings:
  description: All findings, in the order in which they were evaluated.
  returned: success and failure
  type: list
  elements: dict
  sample:
    - level: warn
      about: cluster lab1
      text: The cluster's OIDC issuer is off and will be turned on. Azure cannot turn it off again.
  contains:
    level:
      description: V(refuse), V(warn) or V(ok). Nothing must be written while there is a V(refuse).
      type: str
      returned: always
    about:
      description: The object, such as V(cluster lab1) or V(role ratify).
      type: str
      returned: always
    text:
      description: What was found, and of a fault the remedy.
      type: str
      returned: always
table:
  description: The findings as lines of text, refusals first.
  returned: success and failure
  type: list
  elements: str
  sample:
    - "warn    cluster lab1  The cluster's OIDC issuer is off and will be turned on. Azure cannot turn it off again."
refusals:
  description: The sentences of all refusals.
  returned: success and failure
  type: list
  elements: str
  sample: []
identity:
  description:
    - What M(image_trust.azure.workload_identity) returns in check mode for O(identity); null without O(identity).
    - If its C(changes) are empty, nothing has to be written.
  returned: success
  type: dict
  sample:
    changed: false
    changes: []
error:
  description: Why nothing may be written, as RV(image_trust.azure.user_assigned_identity#module:error); only when the module fails.
  returned: failure
  type: dict
  sample:
    code: InvalidInput
    message: Nothing was changed. The cluster is stopped. Start it (az aks start).
    status: null
    request_id: null
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn, TypeVar

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.image_trust.azure.plugins.module_utils._arm import attached_cluster as attached
from ansible_collections.image_trust.azure.plugins.module_utils._arm import workload_identity as workload
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError, refuse
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import failing, login
from ansible_collections.image_trust.azure.plugins.module_utils._installed import reading
from ansible_collections.image_trust.azure.plugins.module_utils._preflight import contents, trust_rules
from ansible_collections.image_trust.azure.plugins.module_utils._preflight.evaluation import Evaluation
from ansible_collections.image_trust.azure.plugins.module_utils._preflight.findings import Findings, summary, table

T = TypeVar("T")


def asked(found: Findings, role: str, spec: Mapping[str, Any], given: Mapping[str, Any] | None, parse: Callable[[dict[str, Any]], T]) -> T | None:
    """What the options of another module ask for. A fault is refused once: the role may have found it in its own variables."""
    if given is None:
        return None
    try:
        result = ArgumentSpecValidator(spec).validate(given)
        if result.error_messages:
            raise refuse(f"Role {role} gives wrong options to its module: {'; '.join(result.error_messages)}.")
        return parse(result.validated_parameters)
    except ModuleError as failure:
        if not found.refused(about := f"role {role}"):
            found.refuse(failure.sentence, about)
        return None


def main() -> NoReturn:
    module = azure_module(
        findings=dict(type="dict", default={}),
        cluster=dict(type="dict"),
        identity=dict(type="dict"),
        gatekeeper=dict(type="dict"),
        ratify=dict(type="dict"),
        policy=dict(type="dict"),
        trust=dict(type="dict", options=trust_rules.options()),
        holder=dict(default=""),
    )
    found = Findings()
    known = module.params["findings"]
    for about, sentences in known.items():
        if not isinstance(sentences, list):
            found.refuse(f"findings.{about} is {sentences!r}, but must be a list of sentences.", about)
            continue
        for sentence in sentences:
            found.refuse(str(sentence), about)
    cluster = asked(found, "aks", attached.options(), module.params["cluster"], attached.wanted)
    trust = asked(found, "identity", workload.options(), module.params["identity"], partial(workload.wanted, check=True))
    installed = contents.Wanted(
        asked(found, "gatekeeper", reading.gatekeeper_options(), module.params["gatekeeper"], dict),
        asked(found, "ratify", reading.ratify_options(), module.params["ratify"], dict),
        asked(found, "policy", contents.policy_options(), module.params["policy"], dict),
        module.params["holder"],
        module.check_mode,
    )
    for about in known:
        found.accept("Its variables are accepted.", about)
    identity = None
    if azure := found.known("login", lambda: login(module)):
        evaluation = Evaluation(azure, found, module.params["trust"])
        if cluster:
            evaluation.cluster(cluster, installed)
        identity = evaluation.identity(trust) if trust else None
        evaluation.permissions()
    for warning in found.texts("warn"):
        module.warn(warning)
    refusals = found.texts("refuse")
    results = {"findings": [one.shown() for one in found.all], "table": table(found.all), "refusals": refusals}
    with failing(module):
        if refusals:
            failure = refuse(summary(refusals))
            failure.results = results
            raise failure
    module.exit_json(changed=False, identity=identity, **results)


if __name__ == "__main__":
    main()
