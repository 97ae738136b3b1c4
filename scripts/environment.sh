# Sourced by the commands beside it: makes .venv from requirements.lock when it is missing or stale.
# All it says goes to standard error, so that `scripts/lab` may print its one line.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
python="$root/.venv/bin/python"
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" PYTHONDONTWRITEBYTECODE=${PYTHONDONTWRITEBYTECODE-}

say() { printf '%s\n' "$*" >&2; }

give_up() { say "simferry: $*"; exit 1; }

find_python() {
    local name
    for name in python3.11 python3.12 python3.13 python3; do
        if command -v "$name" >/dev/null &&
            "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    give_up "Python 3.11, 3.12 or 3.13 is needed. On Debian: sudo apt-get install python3 python3-venv"
}

apt_get() { # as root; another of ours that installs just now is waited for. Fails where there is no apt, or no right to it
    local as_root=""
    [ "$(id -u)" = 0 ] || { as_root="sudo -n" && sudo -n true 2>/dev/null; } || return 1
    command -v apt-get >/dev/null || return 1
    flock -o "$root/.apt.lock" $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" >/dev/null 2>&1
}

install_system_package() { # name of the command it brings, name of the package
    command -v "$1" >/dev/null && return 0
    say "simferry: installing $2 ..."
    apt_get update && apt_get install -y "$2"
}

install_system_packages() { # command:package, or one word where both have the same name; all that are missing, at once
    local one missing=()
    for one; do command -v "${one%:*}" >/dev/null || missing+=("${one#*:}"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "simferry: installing ${missing[*]} ..."
    apt_get update && apt_get install -y "${missing[@]}" && return
    for one in "${missing[@]}"; do
        apt_get install -y "$one" || say "simferry: no $one; tests that drive it are skipped"
    done
}

need_speech() {
    install_system_package espeak-ng espeak-ng ||
        give_up "espeak-ng speaks the prompts and is not installed. Run: sudo apt-get install espeak-ng"
}

make_virtual_environment() {
    local base
    base=$(find_python)
    rm -rf .venv
    "$base" -m venv .venv >/dev/null 2>&1 && return
    rm -rf .venv
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "simferry: installing python3-venv ..."
        apt_get update && apt_get install -y python3-venv
        "$base" -m venv .venv >/dev/null 2>&1 && return
        rm -rf .venv
    fi
    # Debian's python3 has no ensurepip without python3-venv, but python3-pip can fill a bare environment.
    if "$base" -m pip --version >/dev/null 2>&1 && "$base" -m venv --without-pip .venv &&
        "$base" -m pip --python .venv/bin/python install -q pip >/dev/null 2>&1; then
        return
    fi
    rm -rf .venv
    give_up "Python's venv module is incomplete. Run: sudo apt-get install python3-venv"
}

prepare() {
    local wanted
    wanted=$(sha256sum requirements.lock | cut -d' ' -f1)
    [ "$(cat .venv/.lock-installed 2>/dev/null)" = "$wanted" ] && return
    exec 9>"$root/.venv.lock"
    flock 9 2>/dev/null || true
    [ "$(cat .venv/.lock-installed 2>/dev/null)" = "$wanted" ] && { exec 9>&-; return; }
    say "simferry: setting up .venv (once; about a minute) ..."
    [ -x "$python" ] && "$python" -m pip --version >/dev/null 2>&1 || make_virtual_environment
    "$python" -m pip install -q --disable-pip-version-check --use-pep517 --require-hashes -r requirements.lock >&2 ||
        give_up "the packages in requirements.lock could not be installed; the lines above say why"
    printf '%s\n' "$wanted" >.venv/.lock-installed
    exec 9>&-
}

[ -n "${prepare_later-}" ] || prepare
