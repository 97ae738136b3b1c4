make_environment() { # name of the package, folder, user who runs it
    share=/usr/share/$1
    python3 -m venv --clear "$2"
    "$2/bin/python" -m pip install -q --disable-pip-version-check --no-index --find-links "$share/wheels" \
        --no-deps --require-hashes -r "$share/packages.lock"
    cp "$share/packages" "$2/packages"
}

make_user() { # name, further groups
    adduser --system --group --no-create-home --home /nonexistent --quiet "$1"
    shift
    for group; do
        getent group "$group" >/dev/null || addgroup --system --quiet "$group"
    done
}

systemd_is_here() { [ -d /run/systemd/system ]; }
