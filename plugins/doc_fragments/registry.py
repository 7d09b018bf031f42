# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """What reading images takes in their registries."""

    # Ansible takes no fragment without options or attributes.
    DOCUMENTATION = r"""
options: {}
notes:
  - In registries of Azure the login needs C(AcrPull), or in ABAC mode C(Container Registry Repository Reader). Other registries are asked without login.
"""
