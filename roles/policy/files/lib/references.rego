# The name of an image, parsed as a node parses it: https://github.com/distribution/reference/blob/v0.6.0/normalize.go
# The letter case of a registry counts. plugins/module_utils/_policy/references.py has to parse as these rules do.
package lib.references

# Undefined for a malformed name.
parse(image) := {"repository": parts[1], "tag": parts[2], "digest": parts[3]} {
	not is_id(image)
	[parts] := regex.find_all_string_submatch_n(grammar, normalized(image), 1)
}

# containerd takes such a name for the beginning of the id of an image on the node, whatever its repository.
is_id(image) {
	regex.match("^(sha(256|384|512):.*|[a-f0-9]{64})$", image)
}

# The name with its registry, which is docker.io where the name has none. The part before the first slash is a registry if it has a dot, a port or
# capital letters, or is localhost.
normalized(image) := image {
	regex.match(`^(localhost|[^/]*[.:A-Z][^/]*)/`, image)
	not regex.match(docker_hub, image)
} else := concat("", ["docker.io/", docker_hub_path(regex.replace(image, docker_hub, ""))])

docker_hub := `^(index\.)?docker\.io/`

docker_hub_path(path) := concat("", ["library/", path]) {
	regex.match("^[^/]+$", path)
} else := path

grammar := concat("", ["^((?:", registry, "/)?", component, "(?:/", component, ")*)(?::(", tag, "))?(?:@(", digest, "))?$"])

registry := `[a-zA-Z0-9]+(?:(?:\.|-+)[a-zA-Z0-9]+)*(?::[0-9]+)?`

component := "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"

tag := "[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}"

digest := "sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}"
