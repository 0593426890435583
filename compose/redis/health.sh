#!/bin/sh
# Asks for a PONG as the adapter's user. The password goes by the environment: a command line can be read by others.
set -eu

url=$(cat /run/secrets/adapter-redis-url)
password=${url#*://*:}
export REDISCLI_AUTH="${password%%@*}"
redis-cli --user adapter ping | grep -q PONG
