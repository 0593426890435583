#!/bin/sh
# Starts Redis in the container, with the users that compose/init has written, and with three fifths of the container's
# memory: a full Redis refuses writes and says so, a container out of memory is killed.
set -eu

limit=
for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
    [ -r "$file" ] && limit=$(cat "$file") && break
done
# Without a limit version 1 of cgroups tells a number near 2^63.
case $limit in
    '' | max | ????????????????*) memory=0 ;;
    *) memory=$((limit * 3 / 5)) ;;
esac
exec redis-server /latchkey/redis.conf --bind '* -::*' --dir /data --aclfile /run/secrets/users.acl --maxmemory "$memory"
