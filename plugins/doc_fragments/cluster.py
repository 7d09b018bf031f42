# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """The options by which a cluster is asked, as module_utils/_kubernetes/arguments.py has them."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - File with the cluster's credentials, or several, joined by colons as in E(KUBECONFIG).
      - A user may have a client certificate, a token (C(token), C(tokenFile)), a name with a password, or a program of C(exec) such as C(kubelogin). The
        program runs without a terminal and has a minute. C(auth-provider), which Kubernetes has removed for Azure, is refused.
    type: path
    required: true
  context:
    description: Context in O(kubeconfig). The file's current context when not given.
    type: str
requirements:
  - python >= 3.11
  - PyYAML >= 6.0.1
  - urllib3 >= 1.26.18
"""
