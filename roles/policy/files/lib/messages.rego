# The texts of denials.
package lib.messages

import data.lib.references

# `text` with the controllers that repeat the request, and the suffix of the constraint.
denial(text) := sprintf("%v. %v", [with_controllers(text), input.parameters.messageSuffix]) {
	input.parameters.messageSuffix != ""
} else := with_controllers(text)

# A controller creates a denied pod again until its owner is changed or deleted.
with_controllers(text) := sprintf("%v. %v tries again without end", [text, concat(", ", controllers)]) {
	count(controllers) > 0
} else := text

controllers[sprintf("%v %v", [owner.kind, owner.name])] {
	input.review.operation == "CREATE"
	input.review.object.kind == "Pod"
	owner := input.review.object.metadata.ownerReferences[_]
	owner.controller
}

reason(image, reports) := text {
	text := concat("; ", {explained(report, image) | reports[report]})
	text != ""
} else := "Ratify gave no reason" {
	references.parse(image)
} else := "it is not the name of an image"

explained(report, image) := sprintf("%v (%v)", [meanings[min(matching)].meaning, report]) {
	text := without_names(report, image)
	matching := {i | regex.match(meanings[i].pattern, text)}
	count(matching) > 0
} else := report

# Names may contain any words (expired-cleanup, forbidden-planet). Ratify reports them alone and in references, addresses, scopes and subjects.
without_names(report, image) := text {
	own := {name | name := {image, split(references.parse(image).repository, "/")[0]}[_]; regex.match("[^a-zA-Z]", name)}
	rest := strings.replace_n({name: " " | own[name]}, report)
	text := regex.replace(regex.replace(rest, `[^\s"'(),;]*[/@=][^\s"'(),;]*`, " "), `(?i)(name:|repository:|lookup )[^\s"'(),;]+`, "$1 ")
} else := report

# Reports of Ratify and notation; the first pattern that matches gives the meaning.
meanings := [
	{"pattern": "No verification results", "meaning": "it has no signature"},
	{"pattern": "does not contain any trusted certificate|does not match the X.509 trusted identities|no valid Cosign signatures", "meaning": "its signer is not trusted here"},
	{"pattern": "no applicable trust policy|No policy found for the artifact", "meaning": "no signer is trusted for its repository"},
	{"pattern": "content descriptor mismatch", "meaning": "its signature was made for another image"},
	{"pattern": "unable to parse the digital signature|certificate chain is not present", "meaning": "its signature cannot be read"},
	{"pattern": "timestamp countersignature|timestamping certificate|tsa trust store|TSA certificate", "meaning": "it has no time stamp that is trusted here"},
	{"pattern": "(?i)key management provider|at least one store|failed to get (certificate|key|secret) objectName", "meaning": "Ratify cannot read what it needs from Azure"},
	{"pattern": "is revoked", "meaning": "its signer's certificate is revoked"},
	{"pattern": "revocation status", "meaning": "it is not known whether its signer's certificate is revoked"},
	{"pattern": "expired|validity period|was not valid when", "meaning": "its signature or its signer's certificate has expired"},
	{"pattern": "(?i)unauthorized|forbidden|access denied|\\b40[13]\\b", "meaning": "Ratify may not read the registry"},
	{"pattern": "could not resolve descriptor", "meaning": "the registry does not have it, or cannot be reached"},
	{"pattern": "(?i)manifest unknown|name unknown|not found|\\b404\\b", "meaning": "the registry does not have it"},
	{"pattern": "(?i)too many requests|\\b429\\b", "meaning": "the registry is too busy"},
	{"pattern": "(?i)deadline exceeded|time-?out|timed out|no such host|connection re|dial tcp|misbehaving|EOF|\\b50[0234]\\b", "meaning": "the registry cannot be reached"},
]
