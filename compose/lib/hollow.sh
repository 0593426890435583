#!/bin/sh
# Gives each manifest below here the targets that it names, with nothing in them, so that what they depend on can be
# compiled before their sources are there.
set -eu

hollow() {
    directory=$(dirname "$1")
    mkdir -p "$directory/src" "$directory/benches"
    : >"$directory/src/lib.rs"
    echo 'fn main() {}' >"$directory/src/main.rs"
    sed -n -e 's/^path = "\(.*\.rs\)"$/\1/p' -e '/^\[\[bench\]\]/,/^$/s,^name = "\(.*\)"$,benches/\1.rs,p' "$1" |
        while read -r path; do
            mkdir -p "$directory/$(dirname "$path")"
            echo 'fn main() {}' >"$directory/$path"
        done
}

find . -mindepth 2 -name Cargo.toml >/tmp/manifests
while read -r manifest; do hollow "$manifest"; done </tmp/manifests
