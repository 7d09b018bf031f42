# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: helm_problems
author: The image_trust.azure authors (@image-trust)
version_added: 1.0.0
short_description: Why kubernetes.core would not work with the installed Helm
description:
  - Compares the version of C(helm) on the controller's PATH with that of the collection kubernetes.core that Ansible uses in this run.
  - P(kubernetes.core.helm#module) before 6.4.0 installs a chart with Helm 4 and fails afterwards, so that the run does not report the change.
  - A version of kubernetes.core that does not begin with a number counts as older than 6.4.0.
options:
  _terms:
    description: None.
    required: false
"""

EXAMPLES = r"""
- name: Require a Helm that kubernetes.core works with
  ansible.builtin.assert:
    that: query('image_trust.azure.helm_problems') | length == 0
    fail_msg: "{{ query('image_trust.azure.helm_problems') | join(' ') }}"
"""

RETURN = r"""
_raw:
  description: A sentence with the remedy; none where they work together.
  type: list
  elements: str
  sample: ["Helm v4.3.2 does not work with kubernetes.core 6.2.0. Install Helm 3, or Helm 4 with kubernetes.core 6.4.0 or newer."]
"""

import json
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.helm_program import REMEDY, HelmError, require_pair


def version_in(folder: Path) -> str:
    """The version of the collection in this folder, from MANIFEST.json, or galaxy.yml in a checkout; `*` where neither has one."""
    manifest, checkout = folder / "MANIFEST.json", folder / "galaxy.yml"
    if manifest.exists():
        return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    described = yaml.safe_load(checkout.read_text(encoding="utf-8")) if checkout.exists() else {}
    return str(described.get("version") or "*")


def helm_version() -> str:
    """The version of helm on the PATH. Raises `HelmError`."""
    try:
        ran = subprocess.run(["helm", "version", "--template", "{{.Version}}"], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise HelmError(f"There is no helm on the PATH of the controller. {REMEDY}") from None
    except (OSError, subprocess.CalledProcessError) as e:
        reason = e.stderr.strip() if isinstance(e, subprocess.CalledProcessError) else str(e)
        raise HelmError(f"The version of helm cannot be read: {reason}. {REMEDY}") from None
    return ran.stdout.strip()


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **options: Any) -> list[str]:
        try:
            require_pair(helm_version(), version_in(_folder("kubernetes.core")))
        except HelmError as e:
            return [str(e)]
        return []


def _folder(collection: str) -> Path:
    """Where Ansible's loader of collections has found it."""
    try:
        package = import_module(f"ansible_collections.{collection}")
    except ImportError as e:
        raise AnsibleError(f"Collection {collection} is not installed. Install it: ansible-galaxy collection install {collection}") from e
    return Path(next(iter(package.__path__)))
