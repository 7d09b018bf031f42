"""The one error of the lab that its user sees."""

from __future__ import annotations


class LabError(Exception):
    """Something that the lab cannot do.

    The message is one sentence for the user: what is wrong, with what, and what to do. The end of a log may follow on further lines.
    """
