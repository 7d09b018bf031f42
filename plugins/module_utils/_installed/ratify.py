# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What is installed of Ratify, whose it is, and what speaks against installing or removing it. No I/O.

A cluster has room for one Ratify: the names of its objects are the same in every release.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from .._kubernetes.helm import Records
from .._kubernetes.inventory import ClusterObject
from .._ratify.vaults import INLINE
from .release import Removal, of_release, records_of

CONFIGURATION = "config.ratify.deislabs.io"
"""API group of what Ratify is configured by."""
GROUPS = (CONFIGURATION, "externaldata.gatekeeper.sh", "apiextensions.k8s.io", "rbac.authorization.k8s.io")
REMOVED_GROUPS = (*GROUPS, "mutations.gatekeeper.sh")
POLICY = "Policy ratify-policy"
_NAMED = ("Store", "Verifier", "KeyManagementProvider")
_RATIFY_2 = re.compile(
    r"Provider ratify-gatekeeper-(mutation-)?provider|CustomResourceDefinition (namespaced)?executors\.config\.ratify\.(sh|dev)",
)
"""What only Ratify 2 has."""
_OF_OTHER_VAULTS = re.compile(rf"KeyManagementProvider {INLINE}[0-9]{{4,}}")
"""What role ratify makes beside the chart."""
_DEFINITION = f"namespacedverifiers.{CONFIGURATION}"


def _chart_names(namespace: str) -> re.Pattern[str]:
    """What the chart calls its configuration, with any values that the role takes, and what an interrupted trial leaves. Anybody can copy Helm's marks."""
    return re.compile(
        rf"{POLICY}|Store store-oras|Verifier verifier-(cosign|notation)|KeyManagementProvider kmprovider-akv"
        r"|KeyManagementProvider ratify-(notation-inline-cert|cosign-inline-key)-[0-9]+"
        rf"|Namespaced(Verifier|KeyManagementProvider) {re.escape(namespace)}/image-trust-trial-.+"
    )


def conflicts(objects: Sequence[ClusterObject], namespace: str) -> list[str]:
    """A sentence for each other Ratify that does not leave room for the one of the release in `namespace`."""
    found = []
    if second := [each.title for each in objects if _RATIFY_2.fullmatch(each.title)]:
        found.append(
            f"There is a Ratify 2 in the cluster ({', '.join(second)}). It is another product, whose mutations have the names of Ratify 1's, so both cannot"
            " be installed. Uninstall it and delete its custom resource definitions first, or keep it and do without this role."
        )
    roles = [each for each in objects if each.title == "ClusterRole ratify-manager-cluster-role" and each.release != f"{namespace}/ratify"]
    if roles:
        found.append(
            f"There is a Ratify in the cluster already, which is not of the Helm release {namespace}/ratify but of"
            f" {', '.join(each.release or 'none' for each in roles)}. Its objects have the same names in every release, so each would overwrite the other's."
            " Uninstall it first, or set ratify_namespace to its namespace."
        )
    return found


def is_known(objects: Iterable[ClusterObject]) -> bool:
    """Whether the cluster has Ratify's custom resource definitions, so that a Ratify may run."""
    return any(each.name == _DEFINITION for each in objects)


def stale(objects: Iterable[ClusterObject], namespace: str, wanted: Collection[str]) -> list[ClusterObject]:
    """What the chart made by hooks and, by the titles `wanted`, no longer makes. Hooks leave it, and a verifier that stayed would go on admitting."""
    names = _chart_names(namespace)
    return [each for each in objects if each.hook and names.fullmatch(each.title) and each.title not in wanted]


def former(objects: Iterable[ClusterObject], namespace: str) -> list[dict[str, str]]:
    """Kind and name of the stores, verifiers and providers that the chart has made."""
    names = _chart_names(namespace)
    return [{"kind": each.kind, "name": each.name} for each in objects if each.hook and each.kind in _NAMED and names.fullmatch(each.title)]


def made(objects: Iterable[ClusterObject], records: Records, wanted: Collection[str]) -> list[str]:
    """Titles of what the deployed release has made, of `objects`; without one those `wanted`, which Helm will make, whatever was there.

    What failed may have made anything, and Helm goes on to what is wanted. A record gives the release's namespace also to objects of the cluster.
    """
    if records.last is None or records.last.status != "deployed":
        return list(wanted)
    # The role makes them exact, and they are in no record.
    beside = [title for title in wanted if _OF_OTHER_VAULTS.fullmatch(title)]
    recorded = {(each["kind"], each["metadata"]["namespace"], each["metadata"]["name"]) for each in records.objects}
    return beside + [each.title for each in objects if (each.kind, each.namespace or records.namespace, each.name) in recorded]


def foreign(objects: Iterable[ClusterObject], made: Collection[str], gone: Collection[ClusterObject], reviewed: Collection[str]) -> list[str]:
    """Titles of the configuration that neither the release made (titles `made`), nor will be deleted (`gone`), nor was reviewed: Ratify may verify by it
    what none of the trusted signers has signed."""
    return [each.title for each in objects if each.group == CONFIGURATION and each.title not in (*made, *reviewed) and each not in gone]


def unreviewed(titles: Sequence[str]) -> list[str]:
    """The sentence about objects of `foreign`. They stay; but Ratify trusts by them too."""
    if not titles:
        return []
    return [
        f"Ratify has configuration that its chart did not make, by which it may verify what none of your signers has signed: {', '.join(titles)}."
        " Delete it, or name it in ratify_foreign_objects with the reason."
    ]


def unexpected(objects: Sequence[ClusterObject], namespace: str) -> list[str]:
    """The sentence about configuration that the chart did not make, which a removal would take with it."""
    others = [each.title for each in objects if each.group == CONFIGURATION and each not in _of_the_chart(objects, namespace)]
    return [f"Ratify has configuration that its chart did not make: {', '.join(others)}. Delete it first, or keep Ratify."] if others else []


def removal(objects: Sequence[ClusterObject], namespace: str) -> Removal:
    """What the chart makes by hooks, what Ratify's certificate rotation fills, and what the role makes beside the chart stays after Helm's removal. The
    definitions take Ratify's configuration with them."""
    release = f"{namespace}/ratify"
    beside = (
        "Provider ratify-provider",
        "Provider ratify-mutation-provider",
        f"Secret {namespace}/ratify-tls",
        f"PodDisruptionBudget {namespace}/ratify",
    )
    hooks = [each for each in _of_the_chart(objects, namespace) if each.hook]
    definitions = [each for each in objects if each.kind == "CustomResourceDefinition" and each.name.endswith(f".{CONFIGURATION}")]
    return Removal(
        release=of_release(objects, release),
        records=records_of(objects, release),
        leftovers=[*(each for each in objects if each.title in beside), *hooks, *definitions],
    )


def _of_the_chart(objects: Iterable[ClusterObject], namespace: str) -> list[ClusterObject]:
    names = _chart_names(namespace)
    made = [each for each in objects if each.group == CONFIGURATION and names.fullmatch(each.title)]
    return [each for each in made if each.hook or each.release == f"{namespace}/ratify"]
