"""A stand-in for the API of AWX: it stores objects, and refuses what AWX refuses, and also fields that AWX ignores silently."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Json = dict[str, Any]
HIDDEN = "$encrypted$"

TEXT = {"name": str, "description": str}
UNIFIED = ("job_templates", "workflow_job_templates", "projects", "inventory_sources", "workflow_approval_templates")
PROMPTS = ("limit", "diff_mode", "variables", "job_slice_count", "inventory", "credential", "tags", "skip_tags", "job_type", "verbosity")
ASKS = {f"ask_{name}_on_launch": bool for name in PROMPTS}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "organizations": ("organization", TEXT),
    "credential_types": ("credential_type", {**TEXT, "kind": str, "inputs": dict, "injectors": dict, "managed": bool}),
    "credentials": ("credential", {**TEXT, "organization": "organizations", "credential_type": "credential_types", "inputs": dict}),
    "execution_environments": (
        "execution_environment",
        {**TEXT, "organization": "organizations", "image": str, "credential": "credentials", "pull": str},
    ),
    "notification_templates": (
        "notification_template",
        {**TEXT, "organization": "organizations", "notification_type": str, "notification_configuration": dict},
    ),
    "projects": (
        "project",
        {
            **TEXT,
            "organization": "organizations",
            "scm_type": str,
            "scm_url": str,
            "credential": "credentials",
            "scm_update_on_launch": bool,
            "default_environment": "execution_environments",
        },
    ),
    "inventories": ("inventory", {**TEXT, "organization": "organizations", "kind": str, "host_filter": str}),
    "inventory_sources": (
        "inventory_source",
        {
            **TEXT,
            "inventory": "inventories",
            "source": str,
            "source_project": "projects",
            "source_path": str,
            "overwrite": bool,
            "overwrite_vars": bool,
            "update_on_launch": bool,
        },
    ),
    "job_templates": (
        "job_template",
        {
            **TEXT,
            **ASKS,
            "organization": "organizations",
            "project": "projects",
            "inventory": "inventories",
            "execution_environment": "execution_environments",
            "playbook": str,
            "job_type": str,
            "extra_vars": str,
            "diff_mode": bool,
            "survey_enabled": bool,
        },
    ),
    "workflow_job_templates": ("workflow_job_template", {**TEXT, **ASKS, "organization": "organizations", "survey_enabled": bool}),
    "workflow_job_template_nodes": (
        "workflow_job_template_node",
        {"identifier": str, "workflow_job_template": "workflow_job_templates", "unified_job_template": "unified_job_templates", "type": str},
    ),
    "workflow_approval_templates": ("workflow_approval", {**TEXT, "timeout": int}),
    "schedules": ("schedule", {**TEXT, "unified_job_template": "unified_job_templates", "rrule": str, "enabled": bool}),
}
"""The type of an object, and what its fields are: a type, or the list in which the object is whose id they hold."""

NOTIFIED = ("notification_templates_error", "notification_templates_started", "notification_templates_success")
RELATED = {
    "job_templates": {"credentials": "credentials", **dict.fromkeys(NOTIFIED, "notification_templates")},
    "projects": dict.fromkeys(NOTIFIED, "notification_templates"),
    "inventory_sources": dict.fromkeys(NOTIFIED, "notification_templates"),
    "workflow_job_templates": dict.fromkeys([*NOTIFIED, "notification_templates_approvals"], "notification_templates"),
    "workflow_job_template_nodes": dict.fromkeys(["success_nodes", "failure_nodes", "always_nodes"], "workflow_job_template_nodes"),
}
"""Lists that an object has beside its fields, and which objects are in them."""

WEBHOOK: Json = {"url": None, "http_method": "POST", "headers": None, "username": "", "password": "", "disable_ssl_verification": False}
"""Fields of the configuration of a webhook; AWX adds those that have a default."""

COULD_BE_A_PLAYBOOK = re.compile(r"^\s*-?\s*(hosts|(ansible\.builtin\.)?import_playbook):", re.M)
"""As AWX finds the playbooks of a project."""


class RefusedError(Exception):
    def __init__(self, status: int, answer: Json) -> None:
        super().__init__(f"{status}: {answer}")
        self.status, self.answer = status, answer


def built_in() -> dict[str, dict[int, Json]]:
    """What a controller has when it is new."""

    def credential_type(name: str, kind: str, open_fields: Sequence[str], secret_fields: Sequence[str], required: Sequence[str]) -> Json:
        fields = [{"id": name, "type": "string"} for name in open_fields] + [{"id": name, "type": "string", "secret": True} for name in secret_fields]
        return {"name": name, "kind": kind, "managed": True, "inputs": {"fields": fields, "required": list(required)}}

    azure = ["subscription", "username", "client", "tenant", "cloud_environment"]
    return {
        "organizations": {1: {"name": "Default", "description": "The default organization for Ansible Automation Platform"}},
        "credential_types": {
            2: credential_type("Microsoft Azure Resource Manager", "cloud", azure, ["password", "secret"], ["subscription"]),
            3: credential_type("Container Registry", "registry", ["host", "username", "verify_ssl"], ["password"], ["host"]),
            4: credential_type("Source Control", "scm", ["username"], ["password", "ssh_key_data", "ssh_key_unlock"], []),
        },
    }


@dataclass
class Controller:
    playbooks: dict[str, str]
    """The files of the project's repository, with their content."""
    token: str = "the-token"
    objects: dict[str, dict[int, Json]] = field(default_factory=built_in)
    """By list and id, as they were sent."""
    related: dict[tuple[int, str], list[int]] = field(default_factory=dict)
    surveys: dict[int, Json] = field(default_factory=dict)
    requests: list[tuple[str, str, Json]] = field(default_factory=list)
    refused: list[RefusedError] = field(default_factory=list)
    url: str = ""

    @property
    def writes(self) -> list[tuple[str, str, Json]]:
        return [request for request in self.requests if request[0] != "GET"]

    def named(self, kind: str, name: str) -> tuple[int, Json]:
        """The only one of its kind with this name (a node's is its identifier)."""
        (found,) = [(number, each) for number, each in self.objects.get(kind, {}).items() if each.get("name", each.get("identifier")) == name]
        return found

    def linked(self, number: int, what: str) -> list[str]:
        """Names of the objects in a list of the object `number`."""
        everything = {each: content for kind in self.objects.values() for each, content in kind.items()}
        return [str(everything[each].get("name", everything[each].get("identifier"))) for each in self.related.get((number, what), [])]

    def answer(self, method: str, path: str, query: list[tuple[str, str]], body: Json, token: str) -> tuple[int, Json | None]:
        if token != f"Bearer {self.token}":
            return 401, {"detail": "Authentication credentials were not provided."}
        self.requests.append((method, path, body))
        parts = [part for part in path.removeprefix("/api/v2/").split("/") if part]
        try:
            return self._answer(method, parts, query, body)
        except RefusedError as refused:
            self.refused.append(refused)
            return refused.status, refused.answer

    def _answer(self, method: str, parts: list[str], query: list[tuple[str, str]], body: Json) -> tuple[int, Json | None]:
        match method, parts:
            case "GET", [kind]:
                return self._list(self._filtered(kind, query))
            case "POST", [kind] if kind in KINDS and kind != "workflow_approval_templates":
                return 201, self._create(kind, body)
            case "GET", ["project_updates", number]:
                return 200, {"id": int(number), "status": "successful"}
            case "GET", [kind, number]:
                return 200, self._shown(kind, self._id(kind, number))
            case "PATCH", [kind, number]:
                return 200, self._update(kind, self._id(kind, number), body)
            case "GET", [_, number, "survey_spec"]:
                return 200, self.surveys.get(int(number), {})
            case "POST", [("job_templates" | "workflow_job_templates") as kind, number, "survey_spec"]:
                self.surveys[self._id(kind, number)] = self._survey(body)
                return 200, None
            case "POST", ["workflow_job_template_nodes" as kind, number, "create_approval_template"]:
                made = self._create("workflow_approval_templates", body)
                self.objects[kind][self._id(kind, number)]["unified_job_template"] = made["id"]
                return 201, made
            case "GET", [kind, number, what] if what in RELATED.get(kind, {}):
                inside = RELATED[kind][what]
                return self._list([self._shown(inside, each) for each in self.related.get((self._id(kind, number), what), [])])
            case "POST", [kind, number, what] if what in RELATED.get(kind, {}):
                self._associate(kind, self._id(kind, number), what, body)
                return 204, None
        raise RefusedError(404, {"detail": "Not found."})

    @staticmethod
    def _list(found: list[Json]) -> tuple[int, Json]:
        return 200, {"count": len(found), "next": None, "previous": None, "results": found}

    def _all(self, kind: str) -> list[tuple[str, int]]:
        """List and id of the objects of a kind."""
        kinds = UNIFIED if kind == "unified_job_templates" else (kind,)
        if not {*kinds} <= {*KINDS}:
            raise RefusedError(404, {"detail": "Not found."})
        return [(each, number) for each in kinds for number in self.objects.get(each, {})]

    def _id(self, kind: str, number: str) -> int:
        if int(number) not in self.objects.get(kind, {}):
            raise RefusedError(404, {"detail": "Not found."})
        return int(number)

    def _filtered(self, kind: str, query: list[tuple[str, str]]) -> list[Json]:
        shown = [self._shown(*each) for each in self._all(kind)]
        known = {"id", "type", "organization"} | ({"name"} if kind == "unified_job_templates" else {*KINDS[kind][1]})
        any_of = [(key.removeprefix("or__"), value) for key, value in query if key.startswith("or__")]
        all_of = [(key, value) for key, value in query if not key.startswith("or__")]
        if unknown := {key for key, _ in any_of + all_of} - known:
            raise RefusedError(400, {"detail": f"{kind} has no field named {sorted(unknown)}"})
        found = [each for each in shown if all(str(each.get(key)) == value for key, value in all_of)]
        return [each for each in found if not any_of or any(str(each.get(key)) == value for key, value in any_of)]

    def _shown(self, kind: str, number: int) -> Json:
        """An object as AWX answers it: without its secrets, and with its address."""
        of_type = KINDS[kind][0]
        content = self.objects[kind][number]
        related = {"survey_spec": f"/api/v2/{kind}/{number}/survey_spec/", "update": f"/api/v2/{kind}/{number}/update/"}
        if kind == "workflow_job_template_nodes" and content.get("unified_job_template"):
            (of_kind,) = (each for each, other in self._all("unified_job_templates") if other == content["unified_job_template"])
            related["unified_job_template"] = f"/api/v2/{of_kind}/{content['unified_job_template']}/"
        shown = {**content, "id": number, "type": of_type, "url": f"/api/v2/{kind}/{number}/", "related": related, "summary_fields": {}}
        if kind == "credentials":
            secret = {each["id"] for each in self.objects["credential_types"][content["credential_type"]]["inputs"]["fields"] if each.get("secret")}
            shown["inputs"] = {key: HIDDEN if key in secret else value for key, value in content.get("inputs", {}).items()}
        if kind == "notification_templates" and content["notification_configuration"]["password"]:
            shown["notification_configuration"] = {**content["notification_configuration"], "password": HIDDEN}
        if kind == "projects":
            shown |= {"scm_revision": "", "summary_fields": {"current_update": {"id": number}}}
        return shown

    def _create(self, kind: str, body: Json) -> Json:
        content = self._checked(kind, {**body})
        key = "identifier" if "identifier" in KINDS[kind][1] else "name"
        if not content.get(key):
            raise RefusedError(400, {key: ["This field is required."]})
        scope = {"workflow_job_template_nodes": "workflow_job_template", "schedules": "unified_job_template"}.get(kind, "organization")
        if any(each[key] == content[key] and each.get(scope) == content.get(scope) for each in self.objects.get(kind, {}).values()):
            raise RefusedError(400, {"__all__": [f"{KINDS[kind][0]} with this {key} already exists."]})
        number = max(each for objects in self.objects.values() for each in objects) + 1
        self.objects.setdefault(kind, {})[number] = content
        return self._shown(kind, number)

    def _update(self, kind: str, number: int, body: Json) -> Json:
        before = self.objects[kind][number]
        if kind == "workflow_approval_templates":
            # As AWX, which ignores what an approval does not have.
            body = {key: value for key, value in body.items() if key in KINDS[kind][1]}
        self.objects[kind][number] = self._checked(kind, {**before, **body})
        return self._shown(kind, number)

    def _checked(self, kind: str, content: Json) -> Json:
        """What is stored. Raises `RefusedError` with AWX' status."""
        fields = KINDS[kind][1]
        if unknown := {*content} - {*fields}:
            raise RefusedError(400, {name: ["AWX ignores this field."] for name in sorted(unknown)})
        for name, value in content.items():
            wanted = fields[name]
            if isinstance(wanted, str):
                if value not in [number for _, number in self._all(wanted)]:
                    raise RefusedError(400, {name: [f'Invalid pk "{value}" - object does not exist.']})
            elif value is not None and type(value) is not wanted:
                raise RefusedError(400, {name: [f"Not a valid {wanted.__name__}."]})
        check = getattr(self, f"_check_{kind}", None)
        if check:
            check(content)
        return content

    def _check_credentials(self, content: Json) -> None:
        inputs = self.objects["credential_types"][content["credential_type"]]["inputs"]
        given = content.get("inputs", {})
        if unknown := {*given} - {each["id"] for each in inputs["fields"]}:
            raise RefusedError(400, {"inputs": [f"Additional properties are not allowed ({sorted(unknown)} were unexpected)"]})
        if missing := {*inputs.get("required", [])} - {*given}:
            raise RefusedError(400, {"inputs": {name: ["required"] for name in sorted(missing)}})

    def _check_execution_environments(self, content: Json) -> None:
        if not content.get("image"):
            raise RefusedError(400, {"image": ["This field may not be blank."]})
        if "credential" in content and self._kind_of(content["credential"]) != "registry":
            raise RefusedError(400, {"credential": ["Only Container Registry credentials can be associated with an Execution Environment"]})

    def _check_projects(self, content: Json) -> None:
        if "credential" in content and self._kind_of(content["credential"]) != "scm":
            raise RefusedError(400, {"credential": ["Credential kind must be 'scm'."]})

    def _kind_of(self, credential: int) -> str:
        return str(self.objects["credential_types"][self.objects["credentials"][credential]["credential_type"]]["kind"])

    @staticmethod
    def _check_notification_templates(content: Json) -> None:
        given = content.get("notification_configuration", {})
        if content.get("notification_type") != "webhook":
            raise RefusedError(400, {"notification_type": ["the stand-in only knows a webhook"]})
        added = {key: value for key, value in WEBHOOK.items() if value is not None} | given
        if missing := {*WEBHOOK} - {*added}:
            raise RefusedError(400, {"__all__": [f"Missing required fields for Notification Configuration: {sorted(missing)}."]})
        content["notification_configuration"] = added

    @staticmethod
    def _check_inventory_sources(content: Json) -> None:
        if content.get("source") == "scm" and "source_project" not in content:
            raise RefusedError(400, {"source_project": ["Project required for scm type sources."]})

    def _check_job_templates(self, content: Json) -> None:
        for name in ("project", "inventory"):
            if name not in content:
                raise RefusedError(400, {name: ["This field is required."]})
        playbooks = [name for name, text in self.playbooks.items() if COULD_BE_A_PLAYBOOK.search(text)]
        if content.get("playbook") not in playbooks:
            raise RefusedError(400, {"playbook": ["Playbook not found for project."]})

    @staticmethod
    def _check_schedules(content: Json) -> None:
        if not re.fullmatch(r"DTSTART:\d{8}T\d{6}Z RRULE:FREQ=[A-Z]+;INTERVAL=\d+(;[A-Z]+=[\w,+-]+)*", content.get("rrule", "")):
            raise RefusedError(400, {"rrule": ["Valid DTSTART, FREQ and INTERVAL required in rrule."]})

    @staticmethod
    def _survey(body: Json) -> Json:
        if missing := {"name", "description", "spec"} - {*body}:
            raise RefusedError(400, {"error": f"{sorted(missing)} missing from survey spec."})
        for question in body["spec"]:
            if missing := {"type", "question_name", "variable", "required"} - {*question}:
                raise RefusedError(400, {"error": f"{sorted(missing)} missing from survey question."})
            if question["type"].startswith("multi") and question.get("default") not in ["", *question.get("choices", [])]:
                raise RefusedError(400, {"error": f"Default of {question['variable']} is none of its choices."})
        return body

    def _associate(self, kind: str, number: int, what: str, body: Json) -> None:
        other, links = body["id"], self.related.setdefault((number, what), [])
        if body.get("disassociate"):
            links.remove(other)
            return
        if other not in self.objects.get(RELATED[kind][what], {}):
            raise RefusedError(400, {"msg": f"{RELATED[kind][what]} {other} does not exist."})
        if what == "credentials" and self._kind_of(other) in [self._kind_of(each) for each in links]:
            raise RefusedError(400, {"error": "Cannot assign multiple credentials of one type."})
        if kind == "workflow_job_template_nodes" and number in self._after(other):
            raise RefusedError(400, {"error": "Cycle detected."})
        links.append(other)

    def _after(self, node: int) -> set[int]:
        following = {each for what in RELATED["workflow_job_template_nodes"] for each in self.related.get((node, what), [])}
        return {node}.union(*(self._after(each) for each in following))


@contextmanager
def serving(controller: Controller) -> Iterator[Controller]:
    """Until the end of the context, at `url`."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            address = urlsplit(self.path)
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            status, answered = controller.answer(self.command, address.path, parse_qsl(address.query), body, self.headers.get("Authorization", ""))
            data = b"" if answered is None else json.dumps(answered).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "X-API-Product-Name": "AWX", "X-API-Product-Version": "24.6.1"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Silent."""

    for method in ("GET", "POST", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.handle_any)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    controller.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield controller
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
