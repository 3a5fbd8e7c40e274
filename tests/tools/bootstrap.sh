# shellcheck shell=bash
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Sourced by ./test and ./demo in the repository's root. `bootstrap` makes ready what both need, and costs nothing
# where it is there already: Debian packages, the virtual environment $venv, and the collection under the name that
# Ansible knows it by. It ends the script with one line on standard error where it cannot.

venv=$PWD/.venv
requirements=tests/requirements.txt
debian_packages=(
    apt-utils bind9-dnsutils curl debian-archive-keyring e2fsprogs gcc git graphviz iproute2 iputils-arping libc6-dev mmdebstrap
    netcat-openbsd nftables openssh-client openssl patchelf python3-venv shellcheck socat tcpdump uidmap zstd
)

# The system's own programs: shims of version managers break ansible-test and slow every task down.
export PATH=$venv/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
export LC_ALL=C.UTF-8
export ANSIBLE_HOME=$PWD/.ansible
export ANSIBLE_COLLECTIONS_PATH=$PWD/.ansible/collections
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV

bootstrap() {
    mkdir -p .cache
    # ./test and ./demo may be started at the same time. Closed at the end, so that nothing started later inherits it.
    exec 9>.cache/bootstrap.lock
    flock 9
    _install_debian_packages
    _make_venv
    _link_collection
    exec 9>&-
}

_fail() {
    echo "error: $*" >&2
    exit 1
}

_install_debian_packages() {
    local installed package missing=() as_root=()
    [[ -x /usr/bin/dpkg-query ]] || _fail "this is not Debian: install the likes of ${debian_packages[*]} by hand"
    # Fails where a package was never seen, which is no error here.
    # shellcheck disable=SC2016 # dpkg-query fills these in, not the shell
    installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "${debian_packages[@]}" 2>/dev/null || true)
    for package in "${debian_packages[@]}"; do
        grep -qx "ii $package" <<<"$installed" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    local remedy="apt-get install ${missing[*]}"
    if ((EUID != 0)); then
        [[ -n $(type -P sudo) ]] || _fail "missing Debian packages and no sudo; as root: $remedy"
        as_root=(sudo)
    fi
    echo "==> installing Debian packages: ${missing[*]}"
    "${as_root[@]}" sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -o Dpkg::Use-Pty=0 --no-install-recommends "$@"' \
        - "${missing[@]}" || _fail "could not install Debian packages; as root: $remedy"
}

# own_venv FOLDER REQUIREMENTS: an environment beside $venv for what only one command needs.
own_venv() {
    _fill_venv "$1" "$2" /usr/bin/python3
}

_make_venv() {
    local python=/usr/bin/python3
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        _fail "$python is $("$python" -V 2>&1), but 3.11 is the oldest that works: use Debian 12 or newer"
    _fill_venv "$venv" "$requirements" "$python"
}

_fill_venv() {
    local folder=$1 pinned=$2 python=$3 stamp seconds=$SECONDS
    stamp=$("$python" -V; sha256sum "$pinned")
    [[ $(cat "$folder/.stamp" 2>/dev/null) == "$stamp" ]] && return
    echo "==> installing $(grep -c == "$pinned") pinned Python packages into ${folder#"$PWD/"} (under a minute as a rule)"
    rm -rf "$folder"
    "$python" -m venv "$folder" || _fail "could not make $folder: see above; as root: apt-get install python3-venv"
    "$folder/bin/pip" install -qq --disable-pip-version-check -r "$pinned" ||
        _fail "could not fill $folder: see above, then: $folder/bin/pip install -r $pinned"
    # Written last: an interrupted installation starts over.
    echo "$stamp" >"$folder/.stamp"
    echo "    ${folder#"$PWD/"} ready after $((SECONDS - seconds)) s"
}

_link_collection() {
    mkdir -p .ansible/collections/ansible_collections/mixed_lb
    ln -sfn ../../../.. .ansible/collections/ansible_collections/mixed_lb/stack
}
