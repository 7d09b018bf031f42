# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""What the roles gatekeeper and ratify refuse of their variables before they ask a cluster: a sentence for each, with the remedy. No I/O.

Ansible validates the types of a role's variables and converts none: a number on the command line (`-e gatekeeper_replicas=2`) stays text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from .._kubernetes.chart_values import stays_text
from .._ratify.anchors import problem_of
from .admission_rules import unjudged
from .namespace_patterns import is_namespace, is_pattern
from .references import registry_of_data

Variables = Mapping[str, Any]

LONGEST_CACHE = 180
"""Seconds for which a verdict may be remembered at most: Gatekeeper's own default. So long an image is still admitted whose signer is no longer trusted."""
WEBHOOK_SECONDS = (1, 30)
"""Kubernetes' bounds of a webhook's `timeoutSeconds`."""

# https://pkg.go.dev/time#ParseDuration, without a sign.
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_LABEL = re.compile(r"([a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?")
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
# Ratify reads to the end of the text, and takes a second line break there for a certificate that it cannot read: DecodeCertificates in
# pkg/keymanagementprovider/keymanagementprovider.go.
_CERTIFICATES = re.compile(r"(\s*-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----)+[ \t]*\r?\n?")
_NUMBERS = re.compile(r"([0-9]+)\.([0-9]+)\.([0-9]+)")


def seconds(text: object) -> float | None:
    """Length of a duration as Go writes it, such as 1m30s; None for anything else."""
    if text in ("0", 0) and text is not False:
        return 0.0
    parts = [*_PART.finditer(text)] if isinstance(text, str) else []
    whole = bool(parts) and parts[0].start() == 0 and parts[-1].end() == len(str(text)) and all(a.end() == b.start() for a, b in pairwise(parts))
    return sum(float(part[1]) * _SECONDS[part[2]] for part in parts) if whole else None


class Findings:
    """Sentences on a role's variables, in the order in which the rules are asked."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables
        self.sentences: list[str] = []

    def refuse(self, sentence: str) -> None:
        self.sentences.append(sentence)

    def number(self, name: str, least: int, most: int | None = None) -> int | None:
        """The variable as a number; None where it is none, or not within the bounds, which is refused."""
        return self.number_of(name, self._variables[name], least, most)

    def number_of(self, name: str, value: object, least: int, most: int | None = None) -> int | None:
        if isinstance(value, bool) or not re.fullmatch(r"\s*[+-]?[0-9]+\s*", str(value)):
            self.refuse(f"{name} is {value!r}, but must be a whole number.")
            return None
        number = int(str(value))
        if number < least or (most is not None and number > most):
            self.refuse(f"{name} is {number}, but must be {least} {'or more' if most is None else f'to {most}'}.")
            return None
        return number

    def cache(self, name: str, value: object) -> float | None:
        """Seconds for which verdicts are remembered; None where that is no duration, or too long, which is refused."""
        length = seconds(value)
        if length is None:
            self.refuse(f"{name} is {value!r}, but must be a duration, such as 10s.")
        elif length > LONGEST_CACHE:
            self.refuse(f"{name} is {value!r}, but must be 3m at most: so long an image is admitted whose trust was withdrawn.")
            return None
        return length

    def version(self, name: str, example: str) -> str | None:
        """Helm takes a range too, and would compare it with the version that it chose as if it were another one."""
        value = self._variables[name]
        if not _VERSION.fullmatch(str(value)):
            self.refuse(f"{name} is {value!r}, but must be one version, such as {example}.")
            return None
        return str(value)

    def entries(self, name: str) -> Sequence[Any]:
        """The variable as a list; empty where it is none, which is refused."""
        value = self._variables[name]
        if not isinstance(value, list | tuple):
            self.refuse(f"{name} is {value!r}, but must be a list.")
            return ()
        return value

    def namespaces(self, name: str, *, patterns: bool = False) -> list[str]:
        """Names of namespaces, each alone or with its reason. A selector of labels takes no wildcard; `patterns` is for fields that do."""
        names = []
        for entry in self.entries(name):
            given = str(entry.get("name", "") if isinstance(entry, Mapping) else entry)
            if isinstance(entry, Mapping):
                self.reason(name, given, entry)
            self.namespace(name, given, patterns=patterns)
            names.append(given)
        return names

    def namespace(self, name: str, given: str, *, patterns: bool = False) -> None:
        if patterns and not is_pattern(given):
            self.refuse(f"{name} has {given!r}, which is no name of a namespace, nor one with a * at its beginning or its end; correct it.")
        if not patterns and not is_namespace(given):
            self.refuse(f"{name} has {given!r}, which is no name of a namespace; wildcards are not taken here, so name each namespace.")

    def reason(self, name: str, what: str, entry: Mapping[str, Any]) -> None:
        if not str(entry.get("reason", "")).strip():
            self.refuse(f"{name} has {what} without a reason; give one, for its reviewers.")

    def labels(self, name: str) -> None:
        keys = [str(key) for key in self.entries(name)]
        for key in keys:
            if not _LABEL.fullmatch(key):
                self.refuse(f"{name} has {key!r}, which is no name of a node's label, such as kubernetes.io/hostname; correct it.")
        for key in dict.fromkeys(keys):
            if keys.count(key) > 1:
                self.refuse(f"{name} has {key} twice; name it once.")


def gatekeeper(variables: Variables, given: Sequence[str], reserved: Mapping[str, str]) -> list[str]:
    """`given` are the names in gatekeeper_values that the role reserves, `reserved` what to do instead of each."""
    found = Findings(variables)
    found.namespace("gatekeeper_namespace", str(variables["gatekeeper_namespace"]))
    found.version("gatekeeper_chart_version", "3.23.1")
    _drains(found)
    found.number("gatekeeper_validation_timeout", *WEBHOOK_SECONDS)
    found.number("gatekeeper_mutation_timeout", *WEBHOOK_SECONDS)
    for name in ("gatekeeper_wait_timeout", "gatekeeper_answer_timeout"):
        found.number(name, 1)
    found.labels("gatekeeper_spread")
    found.cache("gatekeeper_response_cache", variables["gatekeeper_response_cache"])
    exempt = found.namespaces("gatekeeper_exempt_namespaces")
    for name in found.namespaces("gatekeeper_covered_namespaces"):
        if name in exempt:
            found.refuse(f"gatekeeper_covered_namespaces has {name}, which gatekeeper_exempt_namespaces exempts; name it in one of them.")
    rules = found.entries("gatekeeper_validated_resources")
    if isinstance(variables["gatekeeper_validated_resources"], list | tuple) and (missing := unjudged(rules)):
        found.refuse(
            f"gatekeeper_validated_resources leaves out {', '.join(missing)}: by such a request an image would run unverified. "
            "Add it to the rules, or leave the variable out."
        )
    found.entries("gatekeeper_mutated_resources")
    policy, why = variables["gatekeeper_failure_policy"], variables["gatekeeper_failure_policy_reason"]
    if policy != "Fail" and not str(why).strip():
        found.refuse(
            f"gatekeeper_failure_policy is {policy}, but gatekeeper_failure_policy_reason is empty: while Gatekeeper does not answer, every image would be "
            "admitted. Give the reason, or leave both out."
        )
    if given:
        found.refuse(
            f"gatekeeper_values must not have {_remedies(given, reserved)}. What Gatekeeper is asked, who answers, and what happens without an answer is said "
            "by the variables of the role gatekeeper, which compare it and report it."
        )
    return found.sentences


def _drains(found: Findings) -> None:
    replicas, kept = found.number("gatekeeper_replicas", 1), found.number("gatekeeper_min_available", 0)
    if replicas is not None and kept is not None and kept >= replicas:
        found.refuse(
            f"gatekeeper_min_available ({kept}) has to be smaller than gatekeeper_replicas ({replicas}), or no node on which Gatekeeper runs can be drained."
        )


def ratify(variables: Variables, refused_charts: Mapping[str, str], app_version: str) -> list[str]:
    """All but what is said by the filters of the chart's values. `app_version` is that of the Ratify which the chart names itself."""
    found = Findings(variables)
    values = variables["ratify_values"]
    found.namespace("ratify_namespace", str(variables["ratify_namespace"]))
    for each in found.entries("ratify_inline_certificates"):
        # Never with the text, which may be a private key by mistake.
        text = str(each.get("certificate", ""))
        if not _CERTIFICATES.fullmatch(text):
            found.refuse(
                f"ratify_inline_certificates has {each.get('name')}, whose certificate must be PEM of certificates alone (BEGIN CERTIFICATE), without a "
                "private key, and without empty lines at its end; correct it."
            )
        elif problem := problem_of("certificate", text):
            found.refuse(f"ratify_inline_certificates has {each.get('name')}, which Ratify cannot use: {problem}. Give it again, whole.")
    for each in found.entries("ratify_certificates"):
        if not all(stays_text(str(each[part])) for part in ("name", "version") if each.get(part)):
            found.refuse(
                f"ratify_certificates has {each.get('name')}, which the chart of Ratify takes for a number, so that Ratify would read none; import the "
                "certificate under a name that begins with a letter."
            )
    if chart := found.version("ratify_chart_version", "1.15.7"):
        _chart(found, chart, str(_below(values, "image", "tag") or app_version).removeprefix("v"), refused_charts)
    for name in ("ratify_replicas", "ratify_wait_timeout"):
        found.number(name, 1)
    _timeouts(found, variables)
    _caches(found, values)
    _registries(found, variables)
    if variables["ratify_refresh_interval"] and seconds(variables["ratify_refresh_interval"]) is None:
        found.refuse(f"ratify_refresh_interval is {variables['ratify_refresh_interval']!r}, but must be a duration, such as 1h.")
    found.namespaces("ratify_mutation_excluded_namespaces", patterns=True)
    for entry in found.entries("ratify_foreign_objects"):
        found.reason("ratify_foreign_objects", entry.get("object", ""), entry)
    if not (variables["ratify_certificates"] or variables["ratify_inline_certificates"]) or not variables["ratify_trust_policies"]:
        found.refuse("A signer has to be trusted, by ratify_trust_policies and a certificate in ratify_certificates or ratify_inline_certificates.")
    return found.sentences


def ratify_values(given: Sequence[str], reserved: Mapping[str, str]) -> list[str]:
    """As the last of `gatekeeper`."""
    found = Findings({})
    if given:
        found.refuse(
            f"ratify_values must not have {_remedies(given, reserved)}. Whom to trust, and how many pods there are, is said by the variables of the role "
            "ratify; the names of Ratify's objects are relied on; and an SBOM or a report of vulnerabilities would do in place of a signature."
        )
    return found.sentences


def _chart(found: Findings, chart: str, program: str, refused: Mapping[str, str]) -> None:
    installed, runs = _numbers(chart), _numbers(program)
    sound = (1, 13, 4) <= installed < (2,) and chart not in refused
    if not (sound and (1, 2, 3) <= runs < (2,) and runs not in ((1, 3, 0), (1, 3, 1))):
        why = refused.get(chart) or (
            "Ratify before 1.2.3, 1.3.0 and 1.3.1 send registry tokens to any host that an image names, and Ratify 2 is another product"
        )
        found.refuse(f"Chart {chart} with Ratify {program} is not used: {why}. Take chart 1.15.7.")


def _numbers(version: str) -> tuple[int, ...]:
    """The three numbers of a version; none where it does not begin with them."""
    numbers = _NUMBERS.match(version)
    return tuple(int(number) for number in numbers.groups()) if numbers else ()


def _registries(found: Findings, variables: Variables) -> None:
    scopes = [("ratify_trust_policies", scope) for policy in variables["ratify_trust_policies"] for scope in policy["registryScopes"]]
    scopes += [("ratify_cosign_scopes", scope) for scope in variables["ratify_cosign_scopes"]]
    for name, place in [*(("ratify_registries", registry) for registry in variables["ratify_registries"]), *scopes]:
        registry = str(place).partition("/")[0]
        if server := registry_of_data(registry):
            found.refuse(f"{name} has {place}, but {registry} serves layers only and no image has its name; name it by {server}.")


def _timeouts(found: Findings, variables: Variables) -> None:
    own = {"validation": variables["ratify_validation_timeout"], "mutation": variables["ratify_mutation_timeout"]}
    by_values = {kind: _below(variables["ratify_values"], "provider", "timeout", f"{kind}TimeoutSeconds") for kind in own}
    seconds_of = {kind: found.number_of(f"ratify_{kind}_timeout", value if by_values[kind] is None else by_values[kind], 1) for kind, value in own.items()}
    asked = {kind: found.number(f"ratify_gatekeeper_{kind}_timeout", *WEBHOOK_SECONDS) for kind in own}
    validation, mutation = seconds_of["validation"], seconds_of["mutation"]
    if validation is not None and asked["validation"] is not None and validation >= asked["validation"]:
        found.refuse(
            f"ratify_validation_timeout ({validation} s) has to be smaller than the time-out of Gatekeeper's validating webhook ({asked['validation']} s), "
            "or the API server gives up before Gatekeeper can deny."
        )
    if mutation is not None and asked["mutation"] is not None and mutation > asked["mutation"]:
        found.refuse(f"ratify_mutation_timeout ({mutation} s) must not be greater than the time-out of Gatekeeper's mutating webhook ({asked['mutation']} s).")


def _caches(found: Findings, values: Variables) -> None:
    verdicts, lists = (_below(values, name, "cache", "ttl") for name in ("provider", "oras"))
    name = "ratify_values.provider.cache.ttl"
    # An entry of its cache (ristretto) without a time to live has no end.
    if verdicts is not None and found.cache(name, verdicts) == 0:
        found.refuse(f"{name} is {verdicts!r}, by which Ratify remembers a verdict for ever; set provider.cache.enabled to false to have no cache.")
    if lists is not None:
        found.number_of("ratify_values.oras.cache.ttl", lists, 1, LONGEST_CACHE)


def _below(values: Any, *path: str) -> Any:
    for key in path:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _remedies(given: Sequence[str], reserved: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {reserved[name]}" for name in given)
