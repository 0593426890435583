#!/bin/sh
# Starts Redis in the container: first the users, from the two secret files, then the server.
set -eu

users=/tmp/users.acl
umask 077
sh /latchkey/acl.sh /run/secrets/broker-redis-url /run/secrets/adapter-redis-url >"$users"
exec redis-server /latchkey/redis.conf --bind '* -::*' --dir /data --aclfile "$users"
