# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """The options by which a cluster is asked, as module_utils/_cluster_arguments.py has them."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description: File with the cluster's credentials.
    type: path
    required: true
  context:
    description: Context in O(kubeconfig). The file's current context when not given.
    type: str
requirements:
  - python >= 3.11
  - kubernetes >= 31.0.0
"""
