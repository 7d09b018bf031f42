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
	before[[list, container.name]][container.image]
}

# A digest alone decides which image of a repository a node pulls, whatever tag stands before it.
unchanged[[list, container]] {
	containers[[list, container]]
	was := reference_before(list, container)
	is := names[container.image]
	[was.repository, was.digest] == [is.repository, is.digest]
	is.digest != ""
}

# The images of each name, of which the API server stores one.
before := {[list, name]: images |
	input.review.operation == "UPDATE"
	old := bringing(input.review.oldObject)
	old[[list, each]]
	name := each.name
	images := {container.image | old[[list, container]]; container.name == name}
}

# What the image's name meant before, where it is another one now.
reference_before(list, container) := reference(image) {
	images := before[[list, container.name]]
	not images[container.image]
	count(images) == 1
	images[image]
}

# The audit's reviews have no operation.
operation := object.get(input.review, "operation", "AUDIT")

judged[container] {
	operation != "DELETE"
	containers[[list, container]]
	not unchanged[[list, container]]
	not exempt[container]
	not placeholder[[list, container]]
}

# An injector replaces a placeholder when pods are created, so what makes pods may have one, and no pod.
placeholder[[list, container]] {
	input.review.object.kind != "Pod"
	lists[list]
	containers[[list, container]]
	container.image == input.parameters.placeholderImages[_]
}

# An exemption covers what fits all that it names, to the end of its last day (UTC). One that names nothing covers nothing.
exempt[container] {
	containers[[_, container]]
	applying[number]
	fits_image(number, container)
}

applying[number] {
	exemption := input.parameters.exemptions[number]
	count([name | exemption[name]; {"namespaces", "images", "service_accounts"}[name]]) > 0
	time.now_ns() < time.parse_ns("2006-01-02", exemption.ends) + day
	fits(exemption, "namespaces", object.get(input.review, "namespace", ""))
	fits(exemption, "service_accounts", requester)
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

fits_image(number, _) {
	not input.parameters.exemptions[number].images
}

fits_image(number, container) {
	exempt_repositories[number][names[container.image].repository]
}

fits_image(number, container) {
	startswith(names[container.image].repository, exempt_beginnings[number][_])
}

exempt_repositories := {number: repositories |
	applying[number]
	repositories := {completed(image) | image := input.parameters.exemptions[number].images[_]}
}

exempt_beginnings := {number: beginnings |
	applying[number]
	beginnings := {completed(trim_suffix(image, "*")) | image := input.parameters.exemptions[number].images[_]; endswith(image, "/*")}
}

# What each image's name means. One that is not there is no name: it is denied, and Ratify is never asked about it. Ratify takes what stands in brackets
# before an image for a namespace, and believes whom somebody trusts there. https://github.com/ratify-project/ratify/blob/v1.4.6/pkg/utils/utils.go
names := {image: reference(image) | containers[[_, container]]; image := container.image}

# What a node makes of a name, in capital and small letters as they are: https://github.com/distribution/reference/blob/v0.6.0/normalize.go
# Changes here go to plugins/module_utils/_policy/references.py too.
reference(image) := {"repository": parts[1], "tag": parts[2], "digest": parts[3]} {
	not regex.match(id, image)
	[parts] := regex.find_all_string_submatch_n(grammar, completed(image), 1)
}

# With its registry: what is before the first slash and has a dot, a port or capital letters, or is localhost. Anything else is of docker.io.
completed(image) := image {
	regex.match(`^(localhost|[^/]*[.:A-Z][^/]*)/`, image)
	not regex.match(hub, image)
} else := concat("", ["docker.io/", in_library(regex.replace(image, hub, ""))])

in_library(path) := concat("", ["library/", path]) {
	regex.match("^[^/]+$", path)
} else := path

hub := `^(index\.)?docker\.io/`

# containerd takes it for an image that the node has already, whoever it is of, by the beginning of its id.
id := "^(sha(256|384|512):.*|[a-f0-9]{64})$"

grammar := concat("", ["^((?:", registry, "/)?", component, "(?:/", component, ")*)(?::(", tag, "))?(?:@(", digest, "))?$"])

registry := `[a-zA-Z0-9]+(?:(?:\.|-+)[a-zA-Z0-9]+)*(?::[0-9]+)?`

component := "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"

tag := "[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}"

digest := "sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}"

images := {container.image |
	judged[container]
	names[container.image]
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
	names[container.image]
	not pinned_later[container]
	not startswith(names[container.image].digest, "sha256:")
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

said(text) := sprintf("%v. %v", [tried(text), input.parameters.messageSuffix]) {
	input.parameters.messageSuffix != ""
} else := tried(text)

# Nobody stops a controller but whoever runs it.
tried(text) := sprintf("%v. %v tries again without end", [text, concat(", ", controllers)]) {
	count(controllers) > 0
} else := text

controllers[sprintf("%v %v", [owner.kind, owner.name])] {
	operation == "CREATE"
	input.review.object.kind == "Pod"
	owner := input.review.object.metadata.ownerReferences[_]
	owner.controller
}

reason(image) := text {
	text := concat("; ", {explained(report, image) | reported(image)[report]})
	text != ""
} else := "Ratify gave no reason" {
	names[image]
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

explained(report, image) := sprintf("%v (%v)", [meanings[min(fitting)].means, report]) {
	text := without_names(report, image)
	fitting := {i | regex.match(meanings[i].says, text)}
	count(fitting) > 0
} else := report

# Names may have any words in them (expired-cleanup, forbidden-planet), and Ratify reports them in references, addresses, scopes, subjects and alone.
without_names(report, image) := text {
	own := {name | name := {image, split(names[image].repository, "/")[0]}[_]; regex.match("[^a-zA-Z]", name)}
	rest := strings.replace_n({name: " " | own[name]}, report)
	text := regex.replace(regex.replace(rest, `[^\s"'(),;]*[/@=][^\s"'(),;]*`, " "), `(?i)(name:|repository:|lookup )[^\s"'(),;]+`, "$1 ")
} else := report

# What Ratify's reports mean to whoever wants to run the image; the first that fits counts.
meanings := [
	{"says": "No verification results", "means": "it has no signature"},
	{"says": "does not contain any trusted certificate|does not match the X.509 trusted identities|no valid Cosign signatures", "means": "its signer is not trusted here"},
	{"says": "no applicable trust policy|No policy found for the artifact", "means": "nobody is trusted to sign for its repository"},
	{"says": "content descriptor mismatch", "means": "its signature was made for another image"},
	{"says": "unable to parse the digital signature|certificate chain is not present", "means": "its signature cannot be read"},
	{"says": "timestamp countersignature|timestamping certificate|tsa trust store|TSA certificate", "means": "it has no time stamp that is trusted here"},
	{"says": "(?i)key management provider|at least one store|failed to get (certificate|key|secret) objectName", "means": "Ratify cannot read what it needs from Azure"},
	{"says": "is revoked", "means": "its signer's certificate is revoked"},
	{"says": "revocation status", "means": "it is not known whether its signer's certificate is revoked"},
	{"says": "expired|validity period|was not valid when", "means": "its signature or its signer's certificate has expired"},
	{"says": "(?i)unauthorized|forbidden|access denied|\\b40[13]\\b", "means": "Ratify may not read the registry"},
	{"says": "could not resolve descriptor", "means": "the registry does not have it, or cannot be reached"},
	{"says": "(?i)manifest unknown|name unknown|not found|\\b404\\b", "means": "the registry does not have it"},
	{"says": "(?i)too many requests|\\b429\\b", "means": "the registry is too busy"},
	{"says": "(?i)deadline exceeded|time-?out|timed out|no such host|connection re|dial tcp|misbehaving|EOF|\\b50[0234]\\b", "means": "the registry cannot be reached"},
]
