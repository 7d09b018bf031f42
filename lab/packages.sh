#!/usr/bin/env bash
# Debian packages of a list that the machine lacks, by default those of the lab. Quick and silent where nothing is missing.
set -euo pipefail
mapfile -t wanted < <(grep -vE '^(#|$)' "${1:-$(dirname "$0")/packages.txt}")
missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
((${#missing[@]})) || exit 0
echo "Debian packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install --yes --no-install-recommends "${missing[@]}" >/dev/null
