# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What exempts namespaces beside the policy. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

Json = Mapping[str, Any]
IGNORE = "admission.gatekeeper.sh/ignore"
"""Gatekeeper's webhooks are not asked for what is in a namespace with this label; Gatekeeper itself says who may have it."""
CONFIG, LABEL = "Gatekeeper's Config", f"label {IGNORE}"
"""What exempts namespaces and no role of the collection makes."""


def unreviewed(exempt: Iterable[Json], reviewed: Collection[str]) -> list[str]:
    """Of what `exempt_namespaces` returned: the namespaces that something else than the roles exempts and `reviewed` does not name, each with everything
    that exempts it. What the roles make, a run puts right."""
    return [f"{each['name']} ({', '.join(each['by'])})" for each in exempt if {CONFIG, LABEL} & {*each["by"]} and each["name"] not in reviewed]
