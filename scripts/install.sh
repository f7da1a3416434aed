#!/usr/bin/env bash
# Installs what this machine misses: Debian packages, and Node's modules where they are older than their lock file.
# usage: scripts/install.sh [run|test]   (test: also what only the tests use)
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-run}
# What `package.json` of the pages asks for.
NODE_LEAST=20.19.0

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@" || sudo "$@"; fi
}

installed() {
    dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q '^install ok installed$'
}

install_packages() {
    local missing=()
    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    command -v apt-get >/dev/null || {
        echo "missing: ${missing[*]} (Debian's names); install them by hand" >&2
        exit 1
    }
    echo "installing ${missing[*]}" >&2
    # The program runs a PostgreSQL of its own; the package need not make and start one.
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        as_root mkdir -p /etc/postgresql-common
        echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    as_root apt-get update -qq || { sleep 5; as_root apt-get update -qq; }
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Options::=--force-confold "${missing[@]}" >&2
}

# `npm ci` where the modules are missing or older than the lock file.
install_modules() {
    [ -f "$1/package-lock.json" ] || return 0
    if [ ! -e "$1/node_modules/.package-lock.json" ] ||
        [ "$1/package-lock.json" -nt "$1/node_modules/.package-lock.json" ]; then
        echo "installing the modules of $1" >&2
        # A registry without other systems' optional packages leaves them out of the lock file, and `npm ci` refuses
        # such a lock; `npm install` takes the locked versions all the same.
        (cd "$1" && { npm ci --no-audit --no-fund >&2 || npm install --no-save --no-audit --no-fund >&2; })
        touch "$1/node_modules/.package-lock.json"
    fi
}

# What the program is built and run with. The linker and make come with Rust and Debian's build-essential.
install_packages build-essential libpq-dev pkg-config postgresql redis-server fonts-paratype
command -v cargo >/dev/null || { echo "missing: Rust (https://rustup.rs)" >&2; exit 1; }
command -v npm >/dev/null || install_packages nodejs npm
node=$(node --version 2>/dev/null | tr -d v || true)
if [ "$(printf '%s\n' "$NODE_LEAST" "$node" | sort -V | head -n 1)" != "$NODE_LEAST" ]; then
    echo "Node ${node:-is missing}: the pages are built with $NODE_LEAST or newer (https://nodejs.org; Debian 12 has 18)" >&2
    exit 1
fi
install_modules api/web

if [ "$what" = test ]; then
    install_packages chromium fonts-dejavu-core libxml2-utils openssl poppler-utils util-linux zbar-tools
    install_modules tests/browser
fi
