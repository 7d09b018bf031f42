# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Which Helm works with which kubernetes.core. No I/O.

After an installation kubernetes.core asks Helm for its releases, before 6.4.0 by `helm list --all`, which Helm 4 refuses: the chart is installed, and the
task fails. https://github.com/ansible-collections/kubernetes.core/pull/1090
"""

from __future__ import annotations

import re

KNOWS_HELM_4 = (6, 4)
"""The first kubernetes.core that does."""
REMEDY = "Install Helm 3, or Helm 4 with kubernetes.core 6.4.0 or newer."


class HelmError(Exception):
    """The Helm on the controller is not to be used, with the remedy."""


def require_pair(helm: str, kubernetes_core: str) -> None:
    """Raise `HelmError` where this Helm, such as `v3.22.0`, does not work with this kubernetes.core, such as `6.2.0`. Any version that is no number is old."""
    major, older = _numbers(helm.removeprefix("v"))[:1], _numbers(kubernetes_core)[:2] < KNOWS_HELM_4
    if major not in ((3,), (4,)):
        raise HelmError(f"Helm {helm} is not known to this collection. {REMEDY}")
    if major == (4,) and older:
        raise HelmError(f"Helm {helm} does not work with kubernetes.core {kubernetes_core}. {REMEDY}")


def _numbers(version: str) -> tuple[int, ...]:
    """Those with which a version begins; none where it begins otherwise."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()
