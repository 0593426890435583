#!/bin/sh
# acl.sh BROKER_URL_FILE ADAPTER_URL_FILE: prints the two users of Redis. The only place that says who may do what.
#
# Each file holds redis://user:password@host:port/0; what is printed holds the password's SHA-256. The keys are those of
# shared/src/store/keys.rs. Lua runs under the rights of its caller, so each command in a script must be here too.
# Left out on purpose: client|setinfo, which Redis 7.0 does not know and then refuses to start.
#
# Nobody can be the user "default": it is off and has no password. It must have its rights all the same, because Redis
# reads its own append-only file as this user: without them it drops every transaction in the file at the next start
# (7.0.15: stored credentials and sessions were gone after a restart).
set -eu

hash_of() {
    url=$(cat "$1")
    password=${url#*://*:}
    password=${password%%@*}
    if [ -z "$password" ] || [ "$password" = "$url" ]; then
        echo "acl.sh: no password in $1" >&2
        exit 1
    fi
    printf %s "$password" | sha256sum | cut -d ' ' -f 1
}

broker=$(hash_of "$1")
adapter=$(hash_of "$2")

# A pooled connection is taken back with UNWATCH and PING; the others are asked at start and for /readyz.
connection="+ping +unwatch +multi +exec +discard +time +info +acl|whoami +client|setname +client|id"
scripts="+eval +evalsha +script|load"
subscribe="+subscribe +unsubscribe +psubscribe +punsubscribe"

cat <<EOT
user default off resetpass ~* &* +@all
user broker on #$broker resetkeys resetchannels ~lk:* &lk:* -@all \
$connection $scripts $subscribe +publish \
+get +mget +set +del +unlink +exists +incr +incrby +pexpire +pexpireat +persist +pttl +scan \
+hset +hsetnx +hget +hmget +hgetall +hdel +hincrby +hexists \
+sadd +srem +smembers +sismember +scard \
+zadd +zrem +zrange +zrangebyscore +zremrangebyscore +zcard +zcount +zscore
user adapter on #$adapter resetkeys resetchannels &lk:events -@all \
%R~lk:sites %R~lk:{*}:account %R~lk:{*}:session %R~lk:site:{*}:accounts \
~lk:refresh ~lk:{*}:leases ~lk:{*}:cooldown ~lk:site:{*}:idle ~lk:conversation:{*} ~lk:nudges:{*} ~lk:answer:{*} \
$connection $scripts $subscribe \
+get +getdel +mget +set +exists +pexpire +pttl +hget +hmget +hgetall +smembers \
+zadd +zrem +zrange +zrangebyscore +zremrangebyscore +zcard +zcount +zscore
EOT
