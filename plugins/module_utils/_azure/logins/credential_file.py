# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The file with profiles that azure.azcollection reads. Private to the collection."""

from __future__ import annotations

import configparser
from pathlib import Path

from .login import unusable

FILE = Path(".azure/credentials")
"""Below the home folder; INI, a section a profile, with keys named like the modules' options."""


def read(home: Path, name: str) -> dict[str, str]:
    """The profile of that name. Raises `ModuleError`."""
    file = home / FILE
    # Without interpolation: a secret may hold '%'.
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text(encoding="utf-8"))
        return dict(parser[name])
    except OSError as error:
        raise unusable(f"Cannot read the credential file {file} ({error.strerror}).") from None
    except (configparser.Error, UnicodeDecodeError):
        raise unusable(f"The credential file {file} is not in INI form.") from None
    except KeyError:
        raise unusable(f"The credential file {file} has no profile {name!r}; it has {', '.join(parser.sections()) or 'none'}.") from None
