# Exemptions: images that are admitted without verification.
package lib.exemptions

import data.lib.references

is_exempt(_) {
	applicable[exemption]
	not exemption.images
}

is_exempt(container) {
	repositories[references.parse(container.image).repository]
}

is_exempt(container) {
	startswith(references.parse(container.image).repository, prefixes[_])
}

repositories := {references.normalized(image) | applicable[exemption]; image := exemption.images[_]}

prefixes := {references.normalized(trim_suffix(image, "*")) | applicable[exemption]; image := exemption.images[_]; endswith(image, "/*")}

# The exemptions of which all other fields match the request.
applicable[exemption] {
	exemption := input.parameters.exemptions[_]
	has_field(exemption)
	is_current(exemption)
	allows(exemption, "namespaces", object.get(input.review, "namespace", ""))
	allows(exemption, "service_accounts", service_account)
}

# An exemption without any of these fields covers nothing.
has_field(exemption) {
	fields := {"namespaces", "images", "service_accounts"}
	fields[field]
	exemption[field]
}

# To the end of the last day in UTC.
is_current(exemption) {
	day := ((24 * 60) * 60) * 1000000000
	time.now_ns() < time.parse_ns("2006-01-02", exemption.ends) + day
}

allows(exemption, field, _) {
	not exemption[field]
}

allows(exemption, field, value) {
	exemption[field][_] == value
}

# The account of the request, and not that of the pod: any user may name any account of the namespace in a pod.
service_account := concat("/", [parts[2], parts[3]]) {
	parts := split(object.get(input.review, ["userInfo", "username"], ""), ":")
	[parts[0], parts[1]] == ["system", "serviceaccount"]
	count(parts) == 4
} else := ""
