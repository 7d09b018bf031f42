# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: verify_findings
short_description: Which images cannot be admitted as the proof expects
version_added: 1.0.0
description:
  - Compares the images of P(image_trust.azure.verify#role) with the repositories for which Ratify trusts a signer, without a cluster.
  - An image outside of all of them is never admitted, so that the proof would fail after everything was configured.
positional: _input, scopes, exemptions
options:
  _input:
    description: The images, each with C(image) and C(expect), as the role takes them.
    type: list
    elements: dict
    required: true
  scopes:
    description: Repositories for which a signer is trusted, each with its registry, or V(*) for all.
    type: list
    elements: str
    required: true
  exemptions:
    description: What the policy admits without a signature, each with the C(images) that it names or with none for all, as C(policy_exemptions) has them.
    type: list
    elements: dict
    default: []
author:
  - The image_trust.azure authors (@image-trust)
"""

EXAMPLES = r"""
- name: Require images that can be admitted
  ansible.builtin.assert:
    that: findings | length == 0
    fail_msg: "{{ findings | join(' ') }}"
  vars:
    findings: "{{ images | image_trust.azure.verify_findings(['example.azurecr.io/web']) }}"
    images:
      - image: example.azurecr.io/web:1
        expect: admitted
"""

RETURN = r"""
_value:
  description: A sentence for each image. Empty where there is none.
  type: list
  elements: str
  sample: []
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.image_trust.azure.plugins.module_utils._policy.references import covers, reference


def verify_findings(images: Sequence[Mapping[str, Any]], scopes: Sequence[str], exemptions: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """See DOCUMENTATION."""
    return [*_findings([str(each["image"]) for each in images if each["expect"] == "admitted"], scopes, exemptions)]


def _findings(images: Sequence[str], scopes: Sequence[str], exemptions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for image in images:
        named = reference(image)
        repository = named.repository if named else image
        # Who asks, and where, decides about other exemptions; the cluster does.
        exempt = any(covers(pattern, image) for each in exemptions for pattern in each.get("images") or (repository,))
        if repository not in scopes and "*" not in scopes and not exempt:
            sentence = (
                f"verify_images expects {image} to be admitted, but {repository} is no scope of ratify_trust_policies and ratify_cosign_scopes: it never is. "
                "Correct its name, or add the repository to the policy that trusts its signer."
            )
            yield sentence


class FilterModule:
    """As Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"verify_findings": verify_findings}
