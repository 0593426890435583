# The two users of Redis. Sourced after stack.sh.
# shellcheck shell=bash

# broker_program [OPTION...] -- ARGUMENT...: the broker's binary as you, without a network.
broker_program() {
    local options=()
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    docker run --rm --network none --read-only --cap-drop ALL --user "$(id -u):$(id -g)" "${options[@]}" \
        "$(image broker)" "${@:2}"
}

# users: the ACL file for the two URLs.
users() {
    broker_program -v "$PWD/secrets:/secrets:ro" -- \
        acl --broker /secrets/broker-redis-url --adapter /secrets/adapter-redis-url
}

# digests USER: those of the passwords that Redis takes from that user now.
digests() { sed -n "s/^user $1 on \([#0-9a-f ]*#[0-9a-f]\{64\}\) .*/\1/p" secrets/users.acl 2>/dev/null || true; }

# write_users USER DIGESTS | write_users "": writes the users anew, since a new version may need other rights; and in that user's line
# further passwords. A file that would be the same stays as it is, so that ./roll sees whether Redis must read it.
write_users() {
    users >secrets/.users.acl.new
    grep -q '^user adapter on #' secrets/.users.acl.new || die "the broker's image wrote no users for Redis"
    if [[ -n $1 ]]; then sed -i "s/^user $1 on /&$2 /" secrets/.users.acl.new; fi
    chmod 0644 secrets/.users.acl.new
    if cmp -s secrets/.users.acl.new secrets/users.acl; then
        rm secrets/.users.acl.new
    else
        mv secrets/.users.acl.new secrets/users.acl
    fi
}
