# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs module user_assigned_identity in the process of its task."""

from __future__ import annotations

from ansible_collections.image_trust.azure.plugins.modules.user_assigned_identity import main
from ansible_collections.image_trust.azure.plugins.plugin_utils.in_process import InProcess


class ActionModule(InProcess):
    main = staticmethod(main)
