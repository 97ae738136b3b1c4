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

install_packages() { # options of pip and what to install, in the versions of requirements.lock
    local pins=$(mktemp) done=0
    sed -n 's/^\([a-zA-Z0-9._-]*==[^ ]*\).*/\1/p' "$here/requirements.lock" >"$pins"
    "$into/opt/simferry/bin/pip" install -q --disable-pip-version-check -c "$pins" "$@" || done=1
    rm -f "$pins"
    return $done
}

add_uvloop() {
    # Many calls cost less with it. Nothing depends on it, so it is not built where there is none for this machine.
    install_packages --only-binary=uvloop "$here[fast]" 2>/dev/null || step "there is no uvloop for this machine; going on without"
}

make_environment() { # edge or cloud, and further extras of pyproject.toml
    local target=$into/opt/simferry
    [ -x "$target/bin/python" ] || python3 -m venv "$target" || give_up "python3 -m venv failed; is python3-venv there?"
    install_packages "$here[$1]" || give_up "pip could not install the packages; the lines above say why"
    # systemd-python needs a compiler and headers; without it the agent notifies systemd by itself and logs to the console.
    if [ -z "$into" ] && pkg-config --exists libsystemd 2>/dev/null; then
        "$target/bin/pip" install -q --disable-pip-version-check "$here[$1,systemd]" || true
    fi
    if [ -z "$into" ]; then
        local command
        for command in edge-agent simferry-cloud; do
            ln -sfn "$target/bin/$command" "/usr/local/bin/$command"
        done
    fi
}

make_user() { # name, further groups
    [ -z "$into" ] || return 0
    id "$1" >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin "$1"
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
    install -D -m 644 "$here/systemd/$1.service" "$into/etc/systemd/system/${2-$1}.service"
}

start_unit() {
    [ -z "$into" ] && [ -d /run/systemd/system ] || { step "systemd is not running here: start $1 yourself"; return 0; }
    systemctl daemon-reload
    systemctl enable --quiet "$1"
    systemctl restart "$1"
}
