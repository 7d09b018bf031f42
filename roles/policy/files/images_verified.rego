# Denies unless Ratify's answer is positively true for every image of the pod. Whatever is missing, unknown or of another form is a no.
package imagesverified

lists := {"containers", "initContainers", "ephemeralContainers"}

containers[[list, container]] {
	lists[list]
	container := input.review.object.spec[list][_]
}

# An update is judged by what it adds: a pod that runs already can still be labelled, finished and deleted.
unchanged[[list, container]] {
	containers[[list, container]]
	input.review.operation == "UPDATE"
	before := input.review.oldObject.spec[list][_]
	before.name == container.name
	before.image == container.image
}

judged[container] {
	containers[[list, container]]
	not unchanged[[list, container]]
	input.review.operation != "DELETE"
}

# The audit's reviews have no operation.
judged[container] {
	containers[[_, container]]
	not input.review.operation
}

images := {container.image | judged[container]}

answer := external_data({"provider": "ratify-provider", "keys": [image | images[image]]}) {
	count(images) > 0
}

verified[image] {
	answer.system_error == ""
	response := answer.responses[_]
	image := response[0]
	response[1].isSuccess == true
}

violation[{"msg": msg}] {
	judged[container]
	not verified[container.image]
	not unavailable
	msg := sprintf("image %v is not verified: %v", [container.image, reason(container.image)])
}

violation[{"msg": msg}] {
	judged[_]
	unavailable
	msg := sprintf("image verification is not available: %v", [unavailable])
}

violation[{"msg": msg}] {
	judged[container]
	not container.image
	msg := sprintf("container %v names no image", [object.get(container, "name", "without a name")])
}

violation[{"msg": msg}] {
	input.parameters.requireDigest
	judged[container]
	not contains(container.image, "@sha256:")
	msg := sprintf("image %v is not pinned to a digest", [container.image])
}

violation[{"msg": "the object has no containers that could be verified"}] {
	count(containers) == 0
	not input.review.operation == "DELETE"
}

# Nothing is known of any image then.
unavailable := answer.system_error {
	answer.system_error != ""
} else := "Gatekeeper could not ask Ratify" {
	count(images) > 0
	not answer
}

reason(image) := text {
	text := concat("; ", reported(image))
	text != ""
} else := "Ratify gave no reason"

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
