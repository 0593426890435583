# shellcheck shell=bash
# The machine: Debian packages that are missing, free ports, random secrets.

has() { command -v "$1" >/dev/null 2>&1; }

as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# Prints the packages, of PROGRAM=PACKAGE pairs, whose program is not there.
missing_packages() {
    local pair
    for pair in "$@"; do
        has "${pair%%=*}" || printf '%s\n' "${pair#*=}"
    done
}

# python3 may be there without what makes a virtual environment, which Debian packs apart.
missing_venv() {
    has python3 && python3 -c 'import ensurepip, venv' 2>/dev/null && return 0
    printf '%s\n' python3 python3-venv
}

# install LOG PACKAGE...: asks, then installs with apt. Without apt it says what to install by hand.
install() {
    local log=$1
    shift
    (($# > 0)) || return 0
    has apt-get || die "missing: $*. This script installs them on Debian and Ubuntu only; install them by hand and run it again"
    ((EUID == 0)) || has sudo || die "missing: $*. Run as root: apt-get install $*"
    agree "Install with apt: $*?" || die "not installed: $*"
    run "apt update" "$log" as_root apt-get update
    run "apt install" "$log" as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

has_rust() {
    has cargo && return 0
    [[ -f $HOME/.cargo/env ]] || return 1
    # shellcheck disable=SC1091
    source "$HOME/.cargo/env"
    has cargo
}

# A connection that is refused means that nobody listens.
is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port [WANTED]: WANTED when it is free, else any.
free_port() {
    local port=${1:-}
    [[ -n $port ]] && is_free "$port" && { echo "$port"; return; }
    while :; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        is_free "$port" && { echo "$port"; return; }
    done
}
