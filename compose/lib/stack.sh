# What the programs of this directory share: settings, the right Compose, replicas and their health. Sourced, in compose/.
# shellcheck shell=bash

say() { printf '%s\n' "$*"; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}
# Nothing ends without a word.
trap 'printf "error: %s: line %s failed: %s\n" "$0" "$LINENO" "$BASH_COMMAND" >&2' ERR
set -E

# setting NAME DEFAULT: as Compose reads it, from the environment or from .env.
setting() {
    local value=${!1-}
    if [[ -z $value && -f .env ]]; then
        value=$(sed -n "s/^[[:space:]]*\(export \)\{0,1\}$1=//p" .env | tail -n 1)
        value=${value%%[[:space:]]#*}
        value=${value%"${value##*[![:space:]]}"}
        case $value in \"*\" | \'*\') value=${value:1:-1} ;; esac
    fi
    printf '%s\n' "${value:-$2}"
}

version() { sed -n 's/^version = "\(.*\)"$/\1/p' ../Cargo.toml | head -n 1; }

# image NAME: that of broker, adapter or ops.
image() {
    local variable=${1^^}
    setting "${variable}_IMAGE" "latchkey-$1:$(version)"
}
has_image() { docker image inspect "$1" >/dev/null 2>&1; }

engine() {
    command -v docker >/dev/null || die "docker is missing"
    docker info >/dev/null 2>&1 || die "the Docker engine does not answer; may you use it? try: docker info"
    # Version 1 recreates what a service depends on with it, unless told not to; version 2 would then take the service
    # for another one at the next `up`.
    alone=()
    if docker compose version >/dev/null 2>&1; then
        compose=(docker compose)
    elif command -v docker-compose >/dev/null; then
        compose=(docker-compose)
        # shellcheck disable=SC2034 # roll reads it
        alone=(--no-deps)
    else
        die "Compose is missing: install the plugin of docker, or docker-compose 1.29"
    fi
}

# readable: what containers mount is read by their own users, whatever the umask was under which it came here. The
# directory of secrets is closed to everyone else; Compose mounts its files one by one.
readable() {
    chmod -R a+rX redis balancer observability sites chromium-seccomp.json
    chmod 0700 secrets
    chmod 0644 secrets/*
}

# containers SERVICE: ids of those that run, the oldest first.
containers() {
    local ids
    ids=$("${compose[@]}" ps -q "$1")
    [[ -n $ids ]] || return 0
    # shellcheck disable=SC2086 # ids are words
    docker inspect --format '{{.Created}} {{.State.Running}} {{.Id}}' $ids | sort | sed -n 's/^[^ ]* true //p'
}

# port SERVICE
port() {
    case $1 in
        broker) echo 7801 ;;
        adapter) echo 7802 ;;
    esac
}

# answers ID SERVICE PATH: whether it answers 200 there.
answers() { docker exec "$1" healthcheck "$(port "$2")" "$3" >/dev/null 2>&1; }

# healthy ID: as its own health check sees it.
healthy() { [[ $(docker inspect --format '{{.State.Health.Status}}' "$1" 2>/dev/null) == healthy ]]; }

# within SECONDS COMMAND...: until it succeeds; fails when the time is over.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.5
    done
}
