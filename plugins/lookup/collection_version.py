# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The version of an installed collection."""

from __future__ import annotations

DOCUMENTATION = r"""
name: collection_version
author: The image_trust.azure authors (@image-trust)
version_added: 1.0.0
short_description: The version of an installed collection
description:
  - The version of a collection as Ansible uses it in this run, on the controller.
options:
  _terms:
    description: Names of collections, such as V(kubernetes.core).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Require a Helm that kubernetes.core works with
  image_trust.azure.helm_check:
    kubernetes_core: "{{ lookup('image_trust.azure.collection_version', 'kubernetes.core') }}"
"""

RETURN = r"""
_raw:
  description:
    - Version of each, from its C(MANIFEST.json), or C(galaxy.yml) in a checkout.
    - V(*) where neither has one, as C(ansible-galaxy collection list) prints.
  type: list
  elements: str
  sample: [6.4.0]
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase


def version_in(folder: Path) -> str:
    """The version of the collection in this folder; `*` where it has none."""
    manifest, checkout = folder / "MANIFEST.json", folder / "galaxy.yml"
    if manifest.exists():
        return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    described = yaml.safe_load(checkout.read_text(encoding="utf-8")) if checkout.exists() else {}
    return str(described.get("version") or "*")


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **options: Any) -> list[str]:
        return [version_in(_folder(str(name))) for name in terms]


def _folder(collection: str) -> Path:
    """Where Ansible's loader of collections has found it."""
    try:
        package = import_module(f"ansible_collections.{collection}")
    except ImportError as e:
        raise AnsibleError(f"Collection {collection} is not installed. Install it: ansible-galaxy collection install {collection}") from e
    return Path(next(iter(package.__path__)))
