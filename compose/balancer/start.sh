#!/bin/sh
# Starts nginx, and tells it each second where the adapters are.
#
# nginx could ask Docker's DNS by itself ("resolve"). But all addresses of one name are one server to its consistent hash,
# and it takes them in turn: tried with nginx 1.30, a session then comes to another adapter with each request.
set -eu

here=$(dirname "$0")
run=${TMPDIR:-/tmp}

# Whether the adapters are others than those that nginx knows. None at all is what a DNS without an answer looks like:
# then what was known stays.
changed() {
    sh "$here/addresses.sh" 2>/dev/null | sort -u >"$run/found" || :
    [ -s "$run/found" ] && ! cmp -s "$run/found" "$run/known"
}

write() {
    # No adapter is passed over for a failure. nginx forgets a failure only when a whole answer has come, minutes later,
    # and asks that adapter once in a while until then; while the other one stops, nobody would answer. To be refused
    # costs nothing, and who is gone is gone from the DNS within a second.
    sed 's/.*/server & max_fails=0;/' "$run/found" >"$run/adapters.conf"
    mv "$run/found" "$run/known"
}

echo 'server 127.0.0.1:9 down;' >"$run/adapters.conf"
if changed; then write; fi
nginx -c "$here/nginx.conf" "$@" &
nginx=$!
# SIGQUIT lets open streams end, for as long as Docker waits.
trap 'kill -QUIT "$nginx" 2>/dev/null || :' QUIT TERM INT
while kill -0 "$nginx" 2>/dev/null; do
    # Before its pid file is there, nginx does not know the signal.
    if [ -s "$run/nginx.pid" ] && changed; then
        write
        kill -HUP "$nginx" || :
    fi
    sleep 1 &
    wait "$!" || :
done
wait "$nginx"
