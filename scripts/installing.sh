# Sourced by install-edge and install-cloud, which set: here (the checkout), into (a root folder or empty), yes.

say() { printf '%s\n' "$*" >&2; }

step() { say "simferry: $*"; }

give_up() { say "simferry: $*"; exit 1; }

need_root() {
    [ -n "$into" ] || [ "$(id -u)" = 0 ] || give_up "this installs a system service: run it with sudo"
}

ask_about_the_law() {
    say "Connecting SIM cards to software is restricted in some countries and by many operators' terms; carrying"
    say "other people's calls over SIMs is a crime in several. Read docs/legal.md, and ask your operator first."
    [ -n "$yes" ] && return
    [ -t 0 ] || give_up "say --yes once you have read docs/legal.md"
    read -r -p "Have you read it, and may you do this? [y/N] " answer
    case "$answer" in y | Y | yes) ;; *) give_up "nothing was installed" ;; esac
}

need_packages() {
    [ -z "$into" ] || return 0
    local missing=() name
    for name in "$@"; do
        dpkg -s "$name" >/dev/null 2>&1 || missing+=("$name")
    done
    [ ${#missing[@]} = 0 ] && return
    step "installing ${missing[*]}"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null ||
        give_up "apt-get could not install ${missing[*]}"
}

locked() { # extras: what they need, out of requirements.lock, with its hashes
    local extra
    for extra in "$@"; do cat "$here/scripts/packages/$extra.txt"; done | sort -u |
        awk 'NR == FNR { wanted[$1] = 1; next }
             /^[A-Za-z0-9]/ { name = $1; sub(/==.*/, "", name); on = name in wanted }
             /^#/ { on = 0 }
             on' - "$here/requirements.lock"
}

install_locked() { # folder of an environment, extras; further options of pip in $pip_options
    local environment=$1 lock done=0
    shift
    lock=$(mktemp)
    locked "$@" >"$lock"
    "$environment/bin/python" -m pip install -q --disable-pip-version-check --require-hashes --no-deps ${pip_options-} -r "$lock" ||
        done=1
    rm -f "$lock"
    return $done
}

make_environment() { # edge or cloud, and further extras of pyproject.toml
    local name=$1 target=$into/opt/simferry/$1 built python
    shift
    # The whole environment lay at /opt/simferry before.
    [ ! -e "$into/opt/simferry/pyvenv.cfg" ] || rm -rf "$into"/opt/simferry/{bin,include,lib,lib64,share,pyvenv.cfg}
    # An environment knows its own folder, so the old one steps aside, and comes back should the new one fail.
    rm -rf "$target.old"
    mkdir -p "$into/opt/simferry"
    [ ! -e "$target" ] || mv "$target" "$target.old"
    if ! { python3 -m venv "$target" && install_locked "$target" "$name" "$@"; }; then
        rm -rf "$target"
        [ ! -e "$target.old" ] || mv "$target.old" "$target"
        give_up "the packages could not be installed; the lines above say why. What was there is there again"
    fi
    built=$(mktemp -d)
    python=$target/bin/python
    PYTHONDONTWRITEBYTECODE=1 "$python" "$here/scripts/releasekit/wheel.py" "simferry-$name" "$built" >/dev/null
    "$python" -m pip install -q --disable-pip-version-check --no-index --no-deps "$built"/*.whl
    rm -rf "$built" "$target.old"
    PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 "$python" -c \
        "from scripts.releasekit.distributions import packages_hash; print(packages_hash(('$name',)))" >"$target/packages"
    chmod 644 "$target/packages"
}

add_uvloop() { # folder of an environment
    # Many calls cost less with it. Nothing depends on it, so it is not built where there is none for this machine.
    pip_options=--only-binary=:all: install_locked "$1" fast 2>/dev/null || step "there is no uvloop for this machine; going on without"
}

link_command() { # command, folder of its environment
    [ -n "$into" ] || ln -sfn "$2/bin/$1" "/usr/local/bin/$1"
}

make_user() { # name, further groups
    [ -z "$into" ] || return 0
    id "$1" >/dev/null 2>&1 || useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$1"
    [ -z "${2-}" ] || usermod -a -G "$2" "$1"
}

owned_by() { # user, paths
    [ -z "$into" ] || return 0
    local user=$1
    shift
    chown "root:$user" "$@"
    chmod 640 "${@: -1}"
}

as_user() {
    local user=$1
    shift
    if [ -n "$into" ]; then "$@"; else runuser -u "$user" -- "$@"; fi
}

install_unit() { # file in systemd/, name of the unit
    install -D -m 644 "$here/systemd/$1" "$into/etc/systemd/system/${2-$1}"
}

systemd_is_here() { [ -z "$into" ] && [ -d /run/systemd/system ]; }

start_units() {
    systemd_is_here || { step "systemd is not running here: start $* yourself"; return 0; }
    systemctl daemon-reload
    systemctl enable --quiet "$@"
    systemctl restart "$@"
}

stop_units() {
    ! systemd_is_here || systemctl disable --now --quiet "$@" 2>/dev/null || true
    local unit
    for unit; do rm -f "$into/etc/systemd/system/$unit" "$into"/etc/systemd/system/*.wants/"$unit"; done
    ! systemd_is_here || systemctl daemon-reload
}

remove_environment() { # edge or cloud, its command
    rm -rf "$into/opt/simferry/$1" "$into/opt/simferry/$1.old"
    [ ! -d "$into/opt/simferry" ] || rmdir --ignore-fail-on-non-empty "$into/opt/simferry"
    [ -n "$into" ] || rm -f "/usr/local/bin/$2"
}

remove_users() {
    [ -z "$into" ] || return 0
    local user
    for user; do
        ! id "$user" >/dev/null 2>&1 || userdel "$user"
        ! getent group "$user" >/dev/null || groupdel "$user"
    done
}
