"""report.yml whole, as a team runs it: which files it writes, when, and that nothing in a proof becomes anything but text."""

from __future__ import annotations

import json
import re
import stat
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.image_trust.azure.plugins.module_utils._report.versions import newest_minor

from lab.build.tools import family
from tests.support import report_proofs as proofs
from tests.support import reports
from tests.support.report_proofs import SIGNED, anchor, exemption, proof, verdict, with_policy

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}{% raw %}</style></title>-->&amp;"


class Tags(HTMLParser):
    """All elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found, self.attributes, self.text = set[str](), set[str](), ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def changes(output: str) -> int:
    return int(re.findall(r"changed=(\d+)", output)[-1])


def made(folder: Path, *options: str, clusters: tuple[str, ...] = ("web",), **variables: Any) -> dict[str, Any]:
    """The JSON that it wrote."""
    done = reports.run(folder, list(clusters), *options, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    read: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return read


def test_two_files_are_written_that_not_everybody_can_read_and_the_second_run_changes_nothing(tmp_path: Path) -> None:
    proofs.write(tmp_path, proof("web"))
    first = reports.run(tmp_path, ["web"])
    assert (first.returncode, changes(first.stdout)) == (0, 2), first.stdout
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("report.html", "report.json")} == {0o640}
    later = reports.run(tmp_path, ["web"], report_time="2026-11-24T23:59:59Z")
    assert (later.returncode, changes(later.stdout)) == (0, 0), later.stdout
    tomorrow = reports.run(tmp_path, ["web"], report_time="2026-11-25T00:00:01Z")
    assert changes(tomorrow.stdout) == 2
    assert "2026-11-25" in (tmp_path / "report.html").read_text()


def test_a_check_says_what_would_be_written_and_writes_nothing(tmp_path: Path) -> None:
    proofs.write(tmp_path, proof("web"))
    done = reports.run(tmp_path, ["web"], "--check", "--diff")
    assert (done.returncode, changes(done.stdout)) == (0, 2), done.stdout + done.stderr
    assert "proved that what should be denied is denied" in done.stdout
    assert not (tmp_path / "report.html").exists()
    assert not (tmp_path / "report.json").exists()


def with_hostile_texts(value: Any, *keep: str) -> Any:
    """The value with something hostile behind each text, but for those whose form is checked."""
    if isinstance(value, dict):
        return {key: each if key in keep else with_hostile_texts(each, *keep) for key, each in value.items()}
    if isinstance(value, list):
        return [with_hostile_texts(each, *keep) for each in value]
    return value + HOSTILE if isinstance(value, str) else value


def test_nothing_in_a_proof_becomes_anything_but_text(tmp_path: Path) -> None:
    failed = verdict(SIGNED, "job", "denied", expected="admitted", passed=False, message="no")
    full = with_policy(
        proof(
            "web",
            verdicts=[failed, verdict(SIGNED, "container", "admitted")],
            problems=["Something is wrong."],
            anchors=[anchor("release", None, problem="HTTP 403")],
        ),
        exemptions=[exemption("me", "2027-01-01", service_accounts=["spark/operator"])],
        exempt_namespaces=[{"name": "mine", "by": ["constraint"], "reason": "because"}, {"name": "other", "by": ["constraint"], "reason": None}],
    )
    plain, hostile = tmp_path / "plain", tmp_path / "hostile"
    for folder, content in ((plain, full), (hostile, with_hostile_texts(full, "time", "not_after", "not_before", "ends", "name", "expected", "verdict"))):
        folder.mkdir()
        (folder / "proof-web.json").write_text(json.dumps(content))
        audit = proofs.audit("web", not_judged=[proofs.outcome("not_judged", "ops", "Pod tools", message="no answer")])
        proofs.write_audit(folder, audit if folder == plain else with_hostile_texts(audit, "time", "cluster"))
        opened = {"state": "open", "when": "2026-11-24T09:00:00Z", "who": "me", "why": "it burns"}
        (folder / "proof-web-break-glass.jsonl").write_text(json.dumps(opened if folder == plain else with_hostile_texts(opened)) + "\n")
        made(folder, report_title="Trust" if folder == plain else f"Trust {{{{ '{'<b>'}' }}}}")
    known, page = (Tags((folder / "report.html").read_text()) for folder in (plain, hostile))
    assert (page.found, page.attributes) == (known.found, known.attributes)
    assert page.text.count("<script>alert(1)</script>") > 25
    assert "{{ 7*7 }}" in page.text
    assert page.text.count("49") == known.text.count("49")


def test_every_expression_of_the_template_is_escaped_or_a_macro_of_it() -> None:
    template = (reports.ROOT / "roles/report/templates/report.html.j2").read_text()
    macros = set(re.findall(r"{% macro (\w+)", template))
    expressions = [each.strip() for each in re.findall(r"{{(.*?)}}", template)]
    assert [each for each in expressions if not each.endswith(" | e") and re.split(r"\W", each)[0] not in macros] == [
        "lookup('ansible.builtin.file', 'report.css')"
    ]


def test_a_cluster_with_a_hostile_name_is_text_too(tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>"
    made(tmp_path, clusters=(name,))
    page = Tags((tmp_path / "report.html").read_text())
    assert "img" not in page.found
    assert name in page.text


def test_text_that_no_file_can_hold_ends_no_report(tmp_path: Path) -> None:
    """JSON may have half of a character, which UTF-8 has not."""
    proofs.write(tmp_path, proof("web"))
    (tmp_path / "proof-half.json").write_text(json.dumps(proof("half", problems=["\ud800"])))
    (tmp_path / "proof-half-break-glass.jsonl").write_text(json.dumps({"state": "open", "why": "\ud800"}))
    report = made(tmp_path, clusters=("web", "half"))
    assert {each["name"]: each["state"] for each in report["clusters"]} == {"half": "unknown", "web": "proven"}


def test_no_cluster_of_the_inventory_is_left_out_whatever_is_wrong_with_it(tmp_path: Path) -> None:
    proofs.write(tmp_path, proof("web"))
    (tmp_path / "proof-broken.json").write_text("{")
    (tmp_path / "proof-folder.json").mkdir()
    report = made(tmp_path, "--limit", "web", clusters=("web", "broken", "folder", "never"))
    assert {each["name"]: each["findings"][0]["text"] if each["findings"] else None for each in report["clusters"]} == {
        "web": None,
        "broken": "Its proof is not JSON.",
        "folder": "Its proof cannot be read: Is a directory.",
        "never": "There is no proof of it. Run verify.yml.",
    }
    assert report["summary"] == {"failed": 0, "unknown": 3, "attention": 0, "proven": 1}


def test_the_page_shows_the_audit_by_namespace_with_its_age_and_the_reasons(tmp_path: Path) -> None:
    proofs.write(tmp_path, proof("web"))
    proofs.write_audit(tmp_path, proofs.audit("web"))
    made(tmp_path, clusters=("web", "other"))
    text = " ".join(Tags((tmp_path / "report.html").read_text()).text.split())
    assert "webasked 2 days ago shop 20011 " in text.replace(" 2 0 0 1 1 ", " 20011 ")
    assert "Audit: 2 denied, 0 not judged, 0 unknown, 1 exempt, 2 admitted" in text
    assert "image contoso.azurecr.io/web@sha256:22f1 is not verified: it has no signature" in text
    assert "nginx:1.29 until 2027-03-31 (platform: vendor image)" in text
    assert f"2027-01-12in 49 days web {proofs.ENDING.replace(',', ', ')} shop: Deployment apicontoso.azurecr.io/api@sha256" in text
    assert "CN=release, O=Contoso, ST=Noord-Holland, C=NLnotation, trust policy release, certificate expires 2027-01-12 yes 2027-01-12in 49 days" in text
    assert " noits signer is not trusted no day known" in text
    assert "a keycosign not knownby which key cosign has signed is not known" in text


def test_the_page_calls_a_pilot_a_pilot_and_no_proof(tmp_path: Path) -> None:
    proofs.write(tmp_path, proofs.pilot("web", "shop"))
    assert made(tmp_path)["passed"] is False
    text = " ".join(Tags((tmp_path / "report.html").read_text()).text.split())
    assert "The cluster is a pilot: it denies in shop only" in text
    assert "proved that what should be denied" not in text
    proofs.write(tmp_path, proof("whole"))
    made(tmp_path, clusters=("web", "whole"))
    assert "1 of 2 clusters proved that what should be denied is denied, 1 is a pilot" in (tmp_path / "report.html").read_text()


def test_a_cluster_of_which_no_proof_is_written_is_unknown(tmp_path: Path) -> None:
    (cluster,) = made(tmp_path, verify_proof_path="")["clusters"]
    assert (cluster["state"], cluster["findings"][0]["text"]) == ("unknown", "No proof is written of it: verify_proof_path is not set.")


@pytest.mark.parametrize(
    ("record", "state"),
    [
        ('{"state": "open"}\n', "failed"),
        ('{"state": "open"}\n{"state": "closed"}\n', "proven"),
        ('{"state": "closed"}\n{"state": "open"}\n', "failed"),
        ("", "proven"),
        ("{", "unknown"),
        ("[]", "unknown"),
    ],
)
def test_the_break_glass_record_says_whether_a_cluster_is_open(record: str, state: str, tmp_path: Path) -> None:
    proofs.write(tmp_path, proof("web"))
    (tmp_path / "proof-web-break-glass.jsonl").write_text(record)
    assert made(tmp_path)["clusters"][0]["state"] == state


def test_signatures_are_checked_where_a_key_is_given(tmp_path: Path) -> None:
    path, key = proofs.write(tmp_path, proof("web")), proofs.key(tmp_path)
    public = {"report_public_key": f"{key}.pub"}

    def said(**variables: Any) -> tuple[str, str]:
        (cluster,) = made(tmp_path, **variables)["clusters"]
        return cluster["state"], cluster["proof"]["signature"]

    assert said(**public) == ("unknown", "missing")
    proofs.sign(path, key)
    assert said() == ("proven", "not checked")
    assert said(**public) == ("proven", "verified")
    path.write_bytes(path.read_bytes().replace(b"3.23.1", b"3.23.2"))
    assert said(**public) == ("failed", "invalid")
    (tmp_path / "other").mkdir()
    proofs.sign(path, proofs.key(tmp_path / "other"))
    assert said(**public) == ("failed", "invalid")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"report_public_key": "/none.pem"}, "the public key /none.pem cannot be read: No such file or directory"),
        ({"report_time": "noon"}, "time is noon, and not a time such as 2026-11-24T12:00:00Z"),
        ({"report_max_age_hours": "a week"}, "report_max_age_hours"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_no_report_is_written(variables: dict[str, Any], message: str, tmp_path: Path) -> None:
    done = reports.run(tmp_path, ["web"], **variables)
    assert done.returncode == 2
    assert message in done.stdout
    assert not (tmp_path / "report.html").exists()


def test_the_versions_are_those_that_the_collection_installs_and_of_kubernetes_the_one_it_is_tested_with(tmp_path: Path) -> None:
    versions = made(tmp_path)["terms"]["versions"]
    assert versions == {"gatekeeper": "3.23.1", "ratify": "1.4.6", "kubernetes": newest_minor([family("kubernetes").version("k8s.io/kubernetes")])}


def test_the_report_knows_the_ratify_that_role_ratify_installs() -> None:
    roles = Path(__file__).parents[2] / "roles"
    known = yaml.safe_load((roles / "report/vars/main.yml").read_text())["__report_versions"]["ratify"]
    assert known == yaml.safe_load((roles / "ratify/vars/main/chart.yml").read_text())["__ratify_app_version"]
