# shellcheck shell=bash
# A private redis-server: its own port, its own directory, the two users of `latchkey-broker acl`.

# shellcheck disable=SC2154 # bin is the caller's, child is what `start` has started

# start_redis STATE_DIR: leaves the two URLs in STATE_DIR/secrets. The binaries are in $bin.
start_redis() {
    local state=$1 port user
    port=$(free_port)
    for user in broker adapter; do
        printf 'redis://%s:%s@127.0.0.1:%s/0\n' "$user" "$(random_hex)" "$port" >"$state/secrets/$user-redis-url"
    done
    "$bin/latchkey-broker" acl --broker "$state/secrets/broker-redis-url" --adapter "$state/secrets/adapter-redis-url" \
        >"$state/secrets/users.acl"
    mkdir -p "$state/redis"
    start redis "$state/log/redis.log" redis-server compose/redis/redis.conf --bind 127.0.0.1 --port "$port" \
        --dir "$state/redis" --aclfile "$PWD/$state/secrets/users.acl"
    wait_until redis 15 "$child" "$state/log/redis.log" listens "$port"
    line redis "127.0.0.1:$port, its own users, data in $state/redis"
}

listens() { ! is_free "$1"; }

random_hex() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
