# Denies an object unless Ratify's answer for each of its images is exactly true. A missing answer, an error or another form denies.
package imagesverified

import data.lib.exemptions
import data.lib.messages
import data.lib.pods
import data.lib.references

# The image sources that have to be verified.
judged[[field, container]] {
	not is_deletion
	pods.sources[[field, container]]
	not pods.is_unchanged(field, container)
	not pods.is_placeholder(field, container)
	not exemptions.is_exempt(container)
}

# Reviews of the audit have no operation.
is_deletion {
	input.review.operation == "DELETE"
}

# Ratify is never asked about malformed names: it reads a prefix in brackets as a namespace, and uses the trust policies of that namespace.
# https://github.com/ratify-project/ratify/blob/v1.4.6/pkg/utils/utils.go
images := {container.image |
	judged[[_, container]]
	references.parse(container.image)
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

# The reason why no image can be verified.
unavailable := answer.system_error {
	answer.system_error != ""
} else := "Gatekeeper could not ask Ratify" {
	count(images) > 0
	not answer
}

violation[{"msg": msg}] {
	judged[[_, container]]
	not verified[container.image]
	not unavailable
	reason := messages.reason(container.image, reports(container.image))
	msg := messages.denial(sprintf("image %v is not verified: %v", [container.image, reason]))
}

violation[{"msg": msg}] {
	count(judged) > 0
	msg := messages.denial(sprintf("image verification is not available: %v", [unavailable]))
}

violation[{"msg": msg}] {
	judged[[_, container]]
	not container.image
	msg := messages.denial(sprintf("container %v names no image", [object.get(container, "name", "without a name")]))
}

violation[{"msg": msg}] {
	input.parameters.requireDigest
	judged[[field, container]]
	reference := references.parse(container.image)
	not pods.is_pinned_later(field)
	not startswith(reference.digest, "sha256:")
	msg := messages.denial(sprintf("image %v is not pinned to a digest", [container.image]))
}

violation[{"msg": msg}] {
	not is_deletion
	count(pods.sources) == 0
	msg := messages.denial("the object has no containers that could be verified")
}

# Reasons that Ratify's verifiers give, and errors of the request for the image.
reports(image) := {text | text := (of_verifiers | errors)[_]; text != ""} {
	of_verifiers := {text |
		response := answer.responses[_]
		response[0] == image
		text := response[1].verifierReports[_].errorReason
	}
	errors := {text |
		error := answer.errors[_]
		error[0] == image
		text := sprintf("%v", [error[1]])
	}
}
