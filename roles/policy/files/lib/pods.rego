# The images of a pod, or of the pods that a workload creates.
package lib.pods

import data.lib.references

container_fields := {"containers", "initContainers", "ephemeralContainers"}

# Workloads are judged too, so that the user who creates one reads the denial.
spec(object) := object.spec {
	object.kind == "Pod"
} else := object.spec.jobTemplate.spec.template.spec {
	object.kind == "CronJob"
} else := object.spec.template.spec {
	not {"Pod", "CronJob"}[object.kind]
}

# Containers, and volumes that mount an image, each as [field of the pod's spec, object with name and image].
image_sources(object) := {[field, container] | container_fields[field]; container := spec(object)[field][_]} | {["volumes", as_container(volume)] |
	volume := spec(object).volumes[_]
	volume.image
}

as_container(volume) := object.union({"name": volume.name}, {"image": image | image := volume.image.reference})

# The image sources of the reviewed object. Without an object the set is empty, and not undefined, because an empty set denies.
sources[source] {
	source := image_sources(input.review.object)[_]
}

is_workload {
	input.review.object.kind != "Pod"
}

# An update is judged by the images that it adds: a running pod can still be labelled, finished and deleted.
is_unchanged(field, container) {
	images_before[[field, container.name]][container.image]
}

# A node pulls by the digest alone, whatever tag the name has beside it.
is_unchanged(field, container) {
	before := reference_before(field, container)
	now := references.parse(container.image)
	[before.repository, before.digest] == [now.repository, now.digest]
	now.digest != ""
}

# The images by field and name of the container. The name of several containers is no error here: the API server stores one of them.
images_before := {[field, name]: images |
	input.review.operation == "UPDATE"
	sources_before := image_sources(input.review.oldObject)
	sources_before[[field, each]]
	name := each.name
	images := {container.image | sources_before[[field, container]]; container.name == name}
}

reference_before(field, container) := references.parse(image) {
	images := images_before[[field, container.name]]
	count(images) == 1
	images[image]
}

# An injector replaces placeholders when pods are created, so workloads may have them and pods may not.
is_placeholder(field, container) {
	is_workload
	container_fields[field]
	container.image == input.parameters.placeholderImages[_]
}

# The tags of a workload's containers are replaced when its pods are created, and each pod is judged. The tags of volumes are never replaced.
is_pinned_later(field) {
	is_workload
	container_fields[field]
}
