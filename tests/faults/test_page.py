"""docs/faults-admission.md against the tests' table; needs no lab."""

from __future__ import annotations

from .report import documented, promised


def test_the_page_has_the_faults_and_bounds_of_the_tests_and_no_others() -> None:
    assert documented() == promised()
