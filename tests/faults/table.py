"""The faults: how each is made, what is said meanwhile, and how soon all is well again. And the changes that caches hide for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from . import ways
from .asking import Question
from .in_ratifys_place import ratify_answers
from .of_azure import of_azure, of_federation, of_signatures, of_tag, while_certificates_are_read_again
from .of_cluster import a_pod_frozen, a_pod_lost, api_server_restarted, component_hangs, node_restarted, restarted, scaled_to_nothing
from .world import GATEKEEPER, RATIFY, Break

Meanwhile = Literal["denied", "pods denied", "some denied", "admitted", "either"]
"""What becomes of images that must run: all are denied before long, or all but those of Deployments; at least one is; none ever is; or some may be."""


@dataclass(frozen=True)
class Fault:
    """`says` is a regular expression for the denials that are for the fault's sake. `recovers` is in seconds, from the fault's end on.

    `tags` and `digests` are what becomes of images that must run, by what they are asked for. `takes` are seconds for which a client waits for an answer.
    """

    name: str
    strike: Break
    says: str
    recovers: float
    tags: Meanwhile = "denied"
    digests: Meanwhile = "denied"
    takes: float = 0.0

    def meanwhile(self, question: Question) -> Meanwhile:
        meanwhile = self.digests if question.digest else self.tags
        if meanwhile == "pods denied":
            return "denied" if question.shape == "container" else "either"
        return meanwhile

    @property
    def denies(self) -> bool:
        return any(meanwhile.endswith("denied") for meanwhile in (self.tags, self.digests))

    @property
    def tells(self) -> bool:
        """Whether a client reads of it: one that asks for an image that must run, or where these are admitted, for one that must not."""
        return (self.tags, self.digests) != ("either", "either")


@dataclass(frozen=True)
class Change:
    """`follows` is in seconds: from then on every verdict knows of the change."""

    name: str
    follows: float


SOON, CACHED, POD, NODE = 15.0, 30.0, 90.0, 180.0
"""Bounds: where nothing is remembered; where answers are, for 10 s each by Ratify's store, by Ratify and by Gatekeeper; where pods have to start, or the pauses
between Ratify's attempts have grown as long as the fault was; and where everything has to start."""

UNASKED = "image verification is not available: failed to|failed to resolve external data placeholders: failed to|is not pinned to a digest"
UNREASONED = f"Ratify gave no reason|{UNASKED}"
UNHEARD = 'failed calling webhook "validation.gatekeeper.sh"'
UNMUTATED = f"{UNHEARD}|is not pinned to a digest"
"""Of a webhook that does not answer, that for tags is passed over, and the other one denies what still has its tag."""
UNREAD = "Ratify cannot read what it needs from Azure"
REGISTRY, VAULT, LOGIN = r"^imagetrustlab\.azurecr\.io", r"\.vault\.azure\.net", r"^login\.microsoftonline\.com"
UNREACHED = f"cannot be reached|operation timed out|operation failed|{UNASKED}"

FAULTS = (
    Fault("Ratify has no pods", scaled_to_nothing(RATIFY), UNASKED, POD),
    Fault("Ratify answers nothing", ratify_answers(ways.saying(200, b"")), UNASKED, SOON),
    Fault("Ratify answers what is not JSON", ratify_answers(ways.saying(200, b"<html>")), UNASKED, SOON),
    Fault("Ratify answers with status 500", ratify_answers(ways.saying(500, b'{"error": "oh"}')), UNREASONED, CACHED),
    Fault("Ratify answers without items", ratify_answers(ways.without_items), UNREASONED, CACHED),
    Fault("Ratify's items are null", ratify_answers(ways.of_items(lambda items: None)), UNREASONED, CACHED),
    Fault("Ratify's items are of another image", ratify_answers(ways.of_each(lambda item: {**item, "key": "other"})), UNREASONED, CACHED),
    Fault("Ratify's items have no value", ratify_answers(ways.of_each(lambda item: {"key": item["key"]})), UNREASONED, CACHED),
    Fault("Ratify's values and errors are null", ratify_answers(ways.of_each(lambda item: {**item, "value": None, "error": None})), UNREASONED, CACHED),
    Fault("Ratify's values are those of Ratify 2", ratify_answers(ways.of_each(ways.of_another_version)), UNREASONED, CACHED),
    Fault("Ratify says true in words", ratify_answers(ways.of_each(ways.in_words)), UNREASONED, CACHED),
    Fault("Ratify says true, and an error beside it", ratify_answers(ways.of_items(lambda items: items, systemError="oh")), f"oh|{UNREASONED}", CACHED),
    Fault("Ratify's certificate is of another authority", ratify_answers(ways.saying(200, b""), foreign=True), UNASKED, SOON),
    Fault("Ratify takes 8 s for a digest, its time-out is 10 s", ratify_answers(ways.waiting("mutate", 8)), UNASKED, SOON, "either", "either", 8),
    Fault("Ratify takes 11 s for a digest", ratify_answers(ways.waiting("mutate", 11)), UNASKED, SOON, "pods denied", "either"),
    Fault("Ratify takes 2.5 s for a verdict, its time-out is 3 s", ratify_answers(ways.waiting("verify", 2.5)), UNASKED, SOON, "either", "either", 2.5),
    Fault("Ratify takes 3.5 s for a verdict, Gatekeeper's time-out is 5 s", ratify_answers(ways.waiting("verify", 3.5)), UNASKED, SOON),
    Fault("Ratify takes 5.5 s for a verdict", ratify_answers(ways.waiting("verify", 5.5)), UNASKED, SOON),
    Fault("Gatekeeper has no pods", scaled_to_nothing(GATEKEEPER), UNHEARD, POD),
    Fault("one of Gatekeeper's pods is lost", a_pod_lost(GATEKEEPER), UNMUTATED, POD, "either", "either"),
    Fault("one of Gatekeeper's pods hangs", a_pod_frozen(GATEKEEPER), UNMUTATED, POD, "either", "either"),
    Fault("Gatekeeper is restarted", restarted(GATEKEEPER), UNMUTATED, POD, "either", "either"),
    Fault("the registry is down", of_azure({"host": REGISTRY, "reset": "before"}), UNREACHED, CACHED),
    Fault("the registry answers 429", of_azure({"host": REGISTRY, "status": 429, "retry_after": 1}), f"the registry is too busy|{UNREACHED}", CACHED),
    Fault("the registry takes 4 s", of_azure({"host": REGISTRY, "delay": 4}), UNREACHED, CACHED),
    Fault("the registry has another image under the tag", of_tag("net-monitor:signed", "unsigned"), "it has no signature", CACHED, "some denied", "admitted"),
    Fault(
        "the registry lists another image's signatures",
        of_signatures("net-monitor:unsigned", "signed"),
        "made for another image",
        CACHED,
        "admitted",
        "admitted",
    ),
    Fault("the vault answers 403", while_certificates_are_read_again(of_azure({"host": VAULT, "status": 403})), UNREAD, POD),
    Fault("the vault is down", while_certificates_are_read_again(of_azure({"host": VAULT, "reset": "before"})), UNREAD, POD),
    Fault("the token service is down", while_certificates_are_read_again(of_azure({"host": LOGIN, "reset": "before"})), UNREAD, POD),
    Fault("the federated credential has another issuer", while_certificates_are_read_again(of_federation(issuer="https://issuer.example/")), UNREAD, POD),
    Fault("the federated credential has another subject", while_certificates_are_read_again(of_federation(subject="system:serviceaccount:a:b")), UNREAD, POD),
    Fault("names are not resolved", component_hangs("coredns"), UNREACHED, CACHED),
    Fault("the API server is restarted", api_server_restarted, f"did not answer|{UNHEARD}", POD, "either", "either"),
    Fault("the node is restarted", node_restarted, f"did not answer|{UNHEARD}|{UNASKED}", NODE),
)

SIGNED_LATE = Change("an image is signed after it was denied", 30.0)
IDENTITY_REMOVED = Change("a signer is removed from the trust policy", 25.0)
CERTIFICATE_REMOVED = Change("a certificate is trusted no longer", 25.0)
CHANGES = (SIGNED_LATE, IDENTITY_REMOVED, CERTIFICATE_REMOVED)
