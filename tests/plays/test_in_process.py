"""Modules in the process of their task: they see what they see in one of their own, and only those run there that would run on this machine as well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

ROOT = Path(__file__).parents[2]
Json = dict[str, Any]

MODULE = """
import os, sys
from ansible_collections.image_trust.azure.plugins.module_utils._module import new_module


def main():
    module = new_module(
        argument_spec=dict(
            text=dict(),
            password=dict(no_log=True),
            folder=dict(type="path"),
            number=dict(type="int"),
            content=dict(type="dict"),
            said=dict(),
            proxy=dict(fallback=(lambda name: os.environ.get(name, "none"), ["HTTPS_PROXY"])),
            how=dict(choices=["return", "fail", "raise"], default="return"),
        ),
        required_together=[("text", "number")],
        supports_check_mode=True,
    )
    if module.params["said"]:
        module.warn(module.params["said"])
    if module.params["how"] == "raise":
        raise ValueError("an error of the module")
    seen = dict(
        params={name: [value, type(value).__module__, type(value).__name__] for name, value in module.params.items()},
        folder=os.getcwd(),
        proxy=os.environ.get("HTTPS_PROXY"),
        home=os.environ["HOME"],
        check=module.check_mode,
        diff=module._diff,
        secret=f"begins {module.params['password']}",
        pair=(1, None, True),
        in_process="ansible.executor.task_executor" in sys.modules,
    )
    if module.params["how"] == "fail":
        module.fail_json(msg=f"refused: {module.params['password']}", **seen)
    module.exit_json(changed=True, **seen)


if __name__ == "__main__":
    main()
"""
ACTION = (ROOT / "plugins/action/proof.py").read_text().replace("image_trust.azure.plugins.modules.proof", "image_trust.tests.plugins.modules.look")
CONNECTION = '''
from ansible.plugins.connection.local import Connection as Local
DOCUMENTATION = """
name: elsewhere
short_description: This machine, as if it were another one
description: That.
author: The tests
extends_documentation_fragment: [connection_pipelining]
"""
class Connection(Local):
    transport = "image_trust.tests.elsewhere"
'''
BECOME = '''
from ansible.plugins.become import BecomeBase
DOCUMENTATION = """
name: same
short_description: The same user, as if it were another one
description: That.
author: The tests
options:
  become_user: {default: root, description: One.}
  become_exe: {description: One.}
  become_flags: {description: One.}
"""
class BecomeModule(BecomeBase):
    name = "image_trust.tests.same"

    def build_become_command(self, cmd, shell):
        return cmd
'''
PASSWORD = "correct-horse"


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a collection whose module says what it sees."""
    folder = tmp_path_factory.mktemp("collections")
    files = {"modules/look": MODULE, "action/look": ACTION, "connection/elsewhere": CONNECTION, "become/same": BECOME}
    for name, content in files.items():
        file = folder / f"ansible_collections/image_trust/tests/plugins/{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return folder


def look(folder: Path, collections: Path, options: Json, *arguments: str, python: str = sys.executable, **keywords: Any) -> list[Json]:
    """The results of a task with this module, one for each item of a loop."""
    play = folder / "plays/play.yml"
    play.parent.mkdir(exist_ok=True)
    task = {"image_trust.tests.look": options, "ignore_errors": True, **keywords}
    play.write_text(yaml.safe_dump([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task]}]))
    secret = folder / "password"
    secret.write_text(PASSWORD)
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    words = [program, "-i", "localhost,", "-e", f"ansible_python_interpreter={python}", "--vault-password-file", str(secret), str(play), *arguments]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": f"{ROOT / '.build'}:{collections}", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
    environment.pop("HTTPS_PROXY", None)
    done = subprocess.run(words, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    (result,) = json.loads(done.stdout[done.stdout.index("{") :])["plays"][0]["tasks"][0]["hosts"].values()
    results: list[Json] = result.get("results", [result])
    return results


def without_process(result: Mapping[str, Any]) -> Json:
    """What does not say in which process the module was. Only Ansible itself tells where the Python was found, and how long it took to look."""
    return {name: value for name, value in result.items() if name not in ("in_process", "ansible_facts", "exception")}


OPTIONS: dict[str, tuple[Json, list[str], Json]] = {
    "text, numbers and dates": ({"text": "a", "number": "7", "content": {"until": "{{ day }}", "list": ["{{ 1 }}"]}, "folder": "~/x"}, [], {}),
    "a secret in what it returns": ({"password": PASSWORD}, [], {}),
    "a warning": ({"said": "mind the gap"}, [], {}),
    "a failure": ({"how": "fail", "password": PASSWORD, "said": "mind the gap"}, [], {}),
    "a check with differences": ({}, ["--check", "--diff"], {}),
    "variables of the environment": ({}, [], {"environment": {"HTTPS_PROXY": "http://proxy.example:8080"}}),
    "wrong options": ({"txet": "a"}, [], {}),
    "options that belong together": ({"text": "a"}, [], {}),
    "an encrypted variable": ({"text": "{{ encrypted }}", "number": 1, "content": "{{ holder }}"}, [], {}),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_a_module_sees_and_returns_in_the_process_of_its_task_what_it_does_in_its_own(
    tmp_path: Path, collections: Path, another_python: str, case: str
) -> None:
    options, arguments, keywords = OPTIONS[case]
    encrypted = VaultLib([("default", VaultSecret(PASSWORD.encode()))]).encrypt("plain words").decode()
    variables = tmp_path / "variables.yml"
    lines = "".join(f"    {line}\n" for line in encrypted.splitlines())
    variables.write_text(f"day: 2026-12-01\nencrypted: !vault |\n{lines}holder:\n  inner: !vault |\n{lines}")
    arguments = [*arguments, "-e", f"@{variables}"]
    (here,) = look(tmp_path, collections, options, *arguments, **keywords)
    (elsewhere,) = look(tmp_path, collections, options, *arguments, python=another_python, **keywords)
    assert (here.get("in_process", True), elsewhere.get("in_process", False)) == (True, False)
    assert without_process(here) == without_process(elsewhere)
    assert PASSWORD not in json.dumps(here)


def test_a_module_works_in_the_folder_of_the_playbook_with_plain_types(tmp_path: Path, collections: Path) -> None:
    (seen,) = look(tmp_path, collections, {"text": "a", "number": "7", "content": {"b": 1}, "said": "mind the gap"})
    assert (seen["in_process"], seen["folder"], seen["warnings"]) == (True, str(tmp_path / "plays"), ["mind the gap"])
    types = {name: type_ for name, (_value, *type_) in seen["params"].items()}
    assert (types["text"], types["number"], types["content"]) == (["builtins", "str"], ["builtins", "int"], ["builtins", "dict"])


@pytest.mark.parametrize(
    "keywords",
    [
        {"become": True, "become_method": "image_trust.tests.same"},
        {"vars": {"ansible_connection": "image_trust.tests.elsewhere"}},
        {"delegate_to": "localhost"},
        {"async": 20, "poll": 1},
    ],
    ids=lambda keywords: next(iter(keywords)),
)
def test_a_module_has_a_process_of_its_own_where_that_may_see_something_else(tmp_path: Path, collections: Path, keywords: Json) -> None:
    (result,) = look(tmp_path, collections, {}, **keywords)
    assert result.get("in_process") is False, result


def test_python_and_python3_of_an_environment_are_one_and_a_link_from_elsewhere_is_another(tmp_path: Path, collections: Path) -> None:
    names = [each for each in Path(sys.executable).parent.glob("python*") if each.samefile(sys.executable)]
    assert len(names) > 1
    assert [look(tmp_path, collections, {}, python=str(each))[0]["in_process"] for each in names] == [True] * len(names)
    (tmp_path / "python").symlink_to(sys.executable)
    assert look(tmp_path, collections, {}, python=str(tmp_path / "python"))[0]["in_process"] is False


def test_what_one_item_of_a_loop_sets_in_the_environment_the_next_does_not_see(tmp_path: Path, collections: Path) -> None:
    environment = "{{ {'HTTPS_PROXY': 'http://proxy.example:8080'} if item == 'first' else {} }}"
    results = look(tmp_path, collections, {}, loop=["first", "second"], environment=environment)
    assert [(each["in_process"], each["proxy"], each["params"]["proxy"][0]) for each in results] == [
        (True, "http://proxy.example:8080", "http://proxy.example:8080"),
        (True, None, "none"),
    ]


def test_an_error_that_a_module_does_not_expect_fails_the_task_with_its_text(tmp_path: Path, collections: Path) -> None:
    (result,) = look(tmp_path, collections, {"how": "raise"})
    assert result["failed"] is True
    assert "an error of the module" in result["msg"]


def test_every_module_has_its_action_plugin() -> None:
    # That of admission_forecast shows how far the module is.
    modules = {file.stem for file in (ROOT / "plugins/modules").glob("*.py")} - {"admission_forecast"}
    text = (ROOT / "plugins/action/proof.py").read_text()
    for name in modules:
        assert (ROOT / f"plugins/action/{name}.py").read_text() == text.replace("module proof", f"module {name}").replace("modules.proof", f"modules.{name}")
