"""report.yml whole, as a team runs it: which files it writes, when, and that nothing in a proof becomes anything but text."""

from __future__ import annotations

import hashlib
import json
import re
import stat
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.image_trust.azure.plugins.module_utils._report.versions import newest_minor

from lab.build.tools import family
from tests.support import report_proofs as proofs
from tests.support import reports
from tests.support.disks import full, small_disk
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


def test_three_files_are_written_that_not_everybody_can_read_and_the_second_run_changes_nothing(tmp_path: Path) -> None:
    proofs.write(tmp_path, proof("web"))
    first = reports.run(tmp_path, ["web"])
    assert (first.returncode, changes(first.stdout)) == (0, 3), first.stdout
    assert stat.S_IMODE((tmp_path / "report.prom").stat().st_mode) == 0o644
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("report.html", "report.json")} == {0o640}
    later = reports.run(tmp_path, ["web"], report_time="2026-11-24T23:59:59Z")
    assert (later.returncode, changes(later.stdout)) == (0, 0), later.stdout
    tomorrow = reports.run(tmp_path, ["web"], report_time="2026-11-25T00:00:01Z")
    assert changes(tomorrow.stdout) == 2, "the metrics have times, not ages"
    assert "2026-11-25" in (tmp_path / "report.html").read_text()


def test_a_check_says_what_would_be_written_and_writes_nothing(tmp_path: Path) -> None:
    proofs.write(tmp_path, proof("web"))
    done = reports.run(tmp_path, ["web"], "--check", "--diff")
    assert (done.returncode, changes(done.stdout)) == (0, 3), done.stdout + done.stderr
    assert "<span>The cluster is proven.</span>" in done.stdout
    assert list(tmp_path.glob("report.*")) == []


def printed(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join(done.stdout.replace("\\n", " ").split())


def test_the_run_prints_the_path_and_a_line_of_summary(tmp_path: Path) -> None:
    proofs.write(tmp_path, proof("web"))
    done = reports.run(tmp_path, ["web", "never"])
    assert done.returncode == 0
    assert f"{tmp_path}/report.html: Of 2 clusters 1 is unknown and 1 is proven." in printed(done)


OPEN = {"state": "open", "when": "2026-11-24T09:00:00Z", "who": "me", "why": "it burns"}


@pytest.mark.parametrize(
    ("clusters", "failing"),
    [
        (["proven", "attention", "pilot"], []),
        (["proven", "never"], ["never"]),
        (["proven", "opened", "never"], ["opened", "never"]),
        ([], ["There is no cluster"]),
    ],
)
def test_with_report_fail_a_failed_or_unknown_cluster_is_an_error_when_all_is_written(clusters: list[str], failing: list[str], tmp_path: Path) -> None:
    for each in (proof("proven"), proof("opened"), proofs.pilot("pilot", "shop"), proof("attention", anchors=[anchor("release", "2026-11-25T00:00:00Z")])):
        proofs.write(tmp_path, each)
    (tmp_path / "proof-opened-break-glass.jsonl").write_text(json.dumps(OPEN) + "\n")
    done = reports.run(tmp_path, ["proven", "attention", "pilot", "opened", "never"], report_clusters=clusters, report_fail=True)
    assert done.returncode == (2 if failing else 0)
    assert [each for each in failing if each not in printed(done)] == []
    assert all(f"Failed or unknown: {', '.join(failing)}." in printed(done) for _ in failing if clusters)
    assert len(list(tmp_path.glob("report.*"))) == 3


def test_on_a_full_disk_the_reports_before_stay(tmp_path: Path) -> None:
    proofs.write(tmp_path, proof("web"))
    with small_disk(tmp_path / "disk") as disk:
        first = reports.run(tmp_path, ["web"], report_path=f"{disk}/report.html")
        assert first.returncode == 0, first.stdout
        before = {file.name: file.read_bytes() for file in disk.iterdir()}
        assert len(before) == 3
        with full(disk):
            done = reports.run(tmp_path, ["web", "never"], report_path=f"{disk}/report.html")
        assert done.returncode == 2, done.stdout
        assert "No space left on device" in done.stdout
        assert {file.name: file.read_bytes() for file in disk.iterdir()} == before


@pytest.mark.parametrize("name", ["report_path", "report_json_path", "report_metrics_path"])
def test_a_path_beside_the_playbook_is_refused_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    proofs.write(tmp_path, proof("web"))
    done = reports.run(tmp_path, ["web"], **{name: "page.html"})
    assert done.returncode == 2
    assert "The report would be written beside the playbook, in the collection, because these paths are not absolute: page.html" in printed(done)
    assert [file.name for file in (*tmp_path.glob("report.*"), *(reports.ROOT / "playbooks").glob("page.*"))] == []


def test_a_proof_of_another_cluster_under_this_name_shows_nothing_and_proves_nothing(tmp_path: Path) -> None:
    key = proofs.key(tmp_path)
    path = proofs.write(tmp_path, proof("other"))
    path.rename(tmp_path / "proof-web.json")
    proofs.sign(tmp_path / "proof-web.json", key)
    (cluster,) = made(tmp_path, report_public_key=f"{key}.pub")["clusters"]
    assert (cluster["state"], cluster["facts"], cluster["proof"]["signature"]) == ("unknown", None, "verified")
    assert [each["text"] for each in cluster["findings"]] == ["It is the proof of another cluster, other. Nothing of it is shown."]
    assert "30 of 30" not in (tmp_path / "report.html").read_text()


def test_clusters_of_one_group_are_compared_by_a_variable_of_the_hosts(tmp_path: Path) -> None:
    proofs.write(tmp_path, proof("a"))
    proofs.write(tmp_path, with_policy(proof("b"), parts={**proof("b")["policy"]["parts"], "constraints": {"objects": 1, "sha256": "e" * 64}}))
    assert made(tmp_path, clusters=("a", "b"))["summary"]["proven"] == 2
    report = made(tmp_path, clusters=("a", "b"), report_policy_group="production")
    assert [(each["group"], each["clusters"], each["differs"]) for each in report["policies"]] == [
        ("production", ["a"], []),
        ("production", ["b"], ["constraints"]),
    ]
    assert {each["name"]: each["state"] for each in report["clusters"]} == {"a": "proven", "b": "attention"}


def test_the_page_shows_who_is_trusted_for_what_and_by_what_each_proof_can_be_known(tmp_path: Path) -> None:
    key = {"key": "https://contoso.vault.azure.net/keys/proof/1", "sha256": "d" * 64}
    identified = {**proofs.of_kubernetes("web", "v1.36.4"), "id": "/subscriptions/1/web"}
    path = proofs.write(tmp_path, proof("web", signed_by=key, cluster=identified))
    made(tmp_path)
    text = " ".join(Tags((tmp_path / "report.html").read_text()).text.split())
    assert "contoso.azurecr.io/webnotation, trust policy release CN=release.contoso.example, O=Contoso, ST=Noord-Holland, C=NL release web" in text
    assert f"SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}, signature not checked" in text
    assert f"signer {key['key']}, public key {'d' * 16}" in text
    assert "/subscriptions/1/webuid uid-of-web" in text
    assert "image_trust.azure 1.0.0" in text


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
        "lookup('ansible.builtin.file', role_path ~ '/templates/report.css')"
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
        "never": "There is no proof of it.",
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
    assert "The cluster is in need of attention." in text
    assert "Enforcement pilot" in text
    assert "It is a pilot: the policy denies in shop only." in text


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
