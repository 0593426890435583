#!/bin/sh
# Starts Redis in the container, with the users that compose/init has written.
set -eu

exec redis-server /latchkey/redis.conf --bind '* -::*' --dir /data --aclfile /run/secrets/redis-users
