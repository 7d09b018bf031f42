# Denies unless Ratify's answer is positively true for every image of the pod. Whatever is missing, unknown or of another form is a no.
package imagesverified

# Workloads are judged before they make pods, where whoever made them sees it.
pod_spec(object) := object.spec {
	object.kind == "Pod"
} else := object.spec.jobTemplate.spec.template.spec {
	object.kind == "CronJob"
} else := object.spec.template.spec {
	not {"Pod", "CronJob"}[object.kind]
}

lists := {"containers", "initContainers", "ephemeralContainers"}

# What brings images into a pod: its containers, and volumes that are made of one.
bringing(object) := {[list, container] | lists[list]; container := pod_spec(object)[list][_]} | {["volumes", made_of_image(volume)] |
	volume := pod_spec(object).volumes[_]
	volume.image
}

made_of_image(volume) := object.union({"name": volume.name}, {"image": image | image := volume.image.reference})

containers[[list, container]] {
	bringing(input.review.object)[[list, container]]
}

# An update is judged by what it adds: a pod that runs already can still be labelled, finished and deleted.
unchanged[[list, container]] {
	containers[[list, container]]
	input.review.operation == "UPDATE"
	bringing(input.review.oldObject)[[list, before]]
	before.name == container.name
	before.image == container.image
}

# The audit's reviews have no operation.
operation := object.get(input.review, "operation", "AUDIT")

judged[container] {
	operation != "DELETE"
	containers[[list, container]]
	not unchanged[[list, container]]
	not exempt[container]
}

# An exemption covers what fits all that it names, to the end of its last day (UTC). One that names nothing covers nothing.
exempt[container] {
	containers[[_, container]]
	exemption := input.parameters.exemptions[_]
	count([name | exemption[name]; {"namespaces", "images", "service_accounts"}[name]]) > 0
	time.now_ns() < time.parse_ns("2006-01-02", exemption.ends) + day
	fits(exemption, "namespaces", object.get(input.review, "namespace", ""))
	fits(exemption, "service_accounts", requester)
	fits_image(exemption, container)
}

day := ((24 * 60) * 60) * 1000000000

# Whoever asks, which is not the service account that the pod names: that one anybody in the namespace may choose.
requester := concat("/", [parts[2], parts[3]]) {
	parts := split(object.get(input.review, ["userInfo", "username"], ""), ":")
	[parts[0], parts[1]] == ["system", "serviceaccount"]
	count(parts) == 4
} else := ""

fits(exemption, what, _) {
	not exemption[what]
}

fits(exemption, what, value) {
	exemption[what][_] == value
}

fits_image(exemption, _) {
	not exemption.images
}

fits_image(exemption, container) {
	exemption.images[_] == repository(container.image)
}

fits_image(exemption, container) {
	pattern := exemption.images[_]
	endswith(pattern, "/*")
	startswith(repository(container.image), trim_suffix(pattern, "*"))
}

repository(image) := regex.replace(split(image, "@")[0], `:[^:/]+$`, "")

# Ratify takes what stands in brackets before an image for a namespace, and believes whom somebody trusts there: it is never asked such a thing.
# https://github.com/ratify-project/ratify/blob/v1.4.4/pkg/utils/utils.go
is_name(image) {
	regex.match(`^[a-zA-Z0-9][a-zA-Z0-9._:/@+-]*$`, image)
}

images := {container.image |
	judged[container]
	is_name(container.image)
}

answer := external_data({"provider": "ratify-provider", "keys": [image | images[image]]}) {
	count(images) > 0
}

verified[image] {
	answer.system_error == ""
	response := answer.responses[_]
	image := response[0]
	images[image]
	response[1].isSuccess == true
}

violation[{"msg": msg}] {
	judged[container]
	not verified[container.image]
	not unavailable
	msg := said(sprintf("image %v is not verified: %v", [container.image, reason(container.image)]))
}

violation[{"msg": msg}] {
	judged[_]
	unavailable
	msg := said(sprintf("image verification is not available: %v", [unavailable]))
}

violation[{"msg": msg}] {
	judged[container]
	not container.image
	msg := said(sprintf("container %v names no image", [object.get(container, "name", "without a name")]))
}

violation[{"msg": msg}] {
	input.parameters.requireDigest
	judged[container]
	not pinned_later[container]
	not contains(container.image, "@sha256:")
	msg := said(sprintf("image %v is not pinned to a digest", [container.image]))
}

# Of what makes pods, tags of containers are replaced when the pods are made, and each pod is judged again. Nothing replaces those of volumes.
pinned_later[container] {
	input.review.object.kind != "Pod"
	lists[list]
	containers[[list, container]]
}

violation[{"msg": said("the object has no containers that could be verified")}] {
	operation != "DELETE"
	count(containers) == 0
}

# Nothing is known of any image then.
unavailable := answer.system_error {
	answer.system_error != ""
} else := "Gatekeeper could not ask Ratify" {
	count(images) > 0
	not answer
}

said(text) := sprintf("%v. %v", [text, input.parameters.messageSuffix]) {
	input.parameters.messageSuffix != ""
} else := text

reason(image) := text {
	text := concat("; ", {explained(report) | reported(image)[report]})
	text != ""
} else := "Ratify gave no reason" {
	is_name(image)
} else := "it is not the name of an image"

reported(image) := reasons {
	reports := {text |
		response := answer.responses[_]
		response[0] == image
		text := response[1].verifierReports[_].errorReason
	}
	failures := {text |
		error := answer.errors[_]
		error[0] == image
		text := sprintf("%v", [error[1]])
	}
	reasons := {text | text := (reports | failures)[_]; text != ""}
}

explained(report) := sprintf("%v (%v)", [meanings[min(fitting)].means, report]) {
	fitting := {i | regex.match(meanings[i].says, report)}
	count(fitting) > 0
} else := report

# What Ratify's reports mean to whoever wants to run the image; the first that fits counts.
meanings := [
	{"says": "No verification results", "means": "it has no signature"},
	{"says": "does not contain any trusted certificate|does not match the X.509 trusted identities|no valid Cosign signatures", "means": "its signer is not trusted here"},
	{"says": "no applicable trust policy|No policy found for the artifact", "means": "nobody is trusted to sign for its repository"},
	{"says": "content descriptor mismatch", "means": "its signature was made for another image"},
	{"says": "unable to parse the digital signature|certificate chain is not present", "means": "its signature cannot be read"},
	{"says": "timestamp countersignature|timestamping certificate|tsa trust store|TSA certificate", "means": "it has no time stamp that is trusted here"},
	{"says": "is revoked", "means": "its signer's certificate is revoked"},
	{"says": "revocation status", "means": "it is not known whether its signer's certificate is revoked"},
	{"says": "expired|validity period|was not valid when", "means": "its signature or its signer's certificate has expired"},
	{"says": "(?i)key management provider|at least one store|failed to get (certificate|key|secret) objectName", "means": "Ratify cannot read what it needs from Azure"},
	{"says": "(?i)unauthorized|forbidden|access denied|\\b40[13]\\b", "means": "Ratify may not read the registry"},
	{"says": "could not resolve descriptor", "means": "the registry does not have it, or cannot be reached"},
	{"says": "(?i)manifest unknown|name unknown|not found|\\b404\\b", "means": "the registry does not have it"},
	{"says": "(?i)too many requests|\\b429\\b", "means": "the registry is too busy"},
	{"says": "(?i)deadline exceeded|time-?out|timed out|no such host|connection re|dial tcp|misbehaving|EOF|\\b50[0234]\\b", "means": "the registry cannot be reached"},
]
