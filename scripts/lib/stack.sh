# shellcheck shell=bash
# A stack of compose/ that is tried: a clone, its README's own lines, what it counts. Sourced after say and machine.
# shellcheck disable=SC2154,SC2034 # scripts/compose sets what all share

# How long one line of the README may take: the longest one replaces Redis and all adapters twice.
line_limit=300

# docker's own names: $project's containers of a service, those that run, the oldest first.
containers() {
    docker ps -q --no-trunc --filter "label=com.docker.compose.project=$project" \
        --filter "label=com.docker.compose.service=$1" --filter "label=com.docker.compose.oneoff=False" | tac
}
count() { containers "$1" | grep -c . || true; }
pid_of() { docker inspect --format '{{.State.Pid}}' "$1"; }

# block WORDS: the lines of the first fence after these words in the README, one command each.
block() {
    local text
    text=$(awk -v words="$1" '
        !found { found = index($0, words); next }
        /^```/ { if (inside) exit; inside = 1; next }
        inside { print }' "$clone/compose/README.md")
    [[ -n $text ]] || die "compose/README.md has no block of commands after: $1"
    sed -e ':join' -e '/\\$/N; s/\\\n[[:space:]]*//; t join' <<<"$text"
}

# procedure WORDS: the commands in the row of the README's table of procedures that begins with these words.
procedure() {
    local text
    # shellcheck disable=SC2016 # Markdown's own
    text=$(grep -F "| $1 |" "$clone/compose/README.md" | grep -o '`[^`]*`' | tr -d '`' |
        grep -E '^(\./|docker |git |openssl )')
    [[ -n $text ]] || die "compose/README.md has no row of commands: | $1 |"
    printf '%s\n' "$text"
}

# will_edit COMMAND: what the README's next `$EDITOR FILE` is to do; the file is its $1.
will_edit() {
    edits=$((edits + 1))
    printf '%s\n' "$1" >"$work/edits/$(printf '%03d' "$edits")"
}

write_editor() {
    mkdir -p "$work/edits"
    cat >"$work/editor" <<-TEXT
	#!/bin/sh
	# Edits as it was told to, each time the next edit.
	set -eu
	for edit in "$work"/edits/*; do break; done
	[ -f "\$edit" ] || { echo "nobody said what to edit in \$1" >&2; exit 1; }
	PATH=$PATH sh -eu "\$edit" "\$1"
	rm "\$edit"
	TEXT
    chmod 0755 "$work/editor"
    export EDITOR=$work/editor
}

# set_in FILE NAME VALUE: an edit of .env.
# shellcheck disable=SC2016 # for the shell that edits
set_in() { printf 'sed -i "/^#\\{0,1\\}%s=/d" "$1"; echo "%s=%s" >>"$1"\n' "$1" "$1" "$2"; }

# type_line LINE [PROMPT ANSWER]...: runs it where the one before ended, on a terminal as a person does, and types each
# answer when its prompt is there.
type_line() {
    local text=$1 status=0 limit=$((SECONDS + line_limit))
    shift
    [[ $flavour == v2 ]] || text=${text//docker compose/docker-compose}
    printf '\n$ %s\n' "$text" >>"$log"
    # Not by set -e, which forgives what fails before an &&.
    printf 'cd "%s" || exit\n{\n%s\n} || exit\npwd >"%s"\n' "$here" "$text" "$work/here" >"$work/line"
    : >"$work/screen"
    type_answers "$@" | timeout --kill-after 10 "$line_limit" \
        script -qfec "bash $work/line" "$work/screen" >/dev/null || status=$?
    tr -d '\r' <"$work/screen" | sed '/^Script \(started\|done\) on /d' >>"$log"
    if ((status != 0)); then
        clear_tick
        show_log "$log" 40
        ((SECONDS < limit)) || die "did not end within $line_limit s: $text"
        die "ended with $status: $text"
    fi
    here=$(<"$work/here")
}

type_answers() {
    local end=$((SECONDS + line_limit))
    while (($# > 1)); do
        until grep -q -- "$1" "$work/screen" 2>/dev/null; do
            ((SECONDS < end)) || return 0
            sleep 0.2
        done
        printf '%s\n' "$2"
        shift 2
    done
}

# type_lines COMMAND...: each line that it prints.
type_lines() {
    local lines text
    mapfile -t lines < <("$@")
    ((${#lines[@]} > 0)) || exit 1
    for text in "${lines[@]}"; do
        [[ -z $text || $text == '#'* ]] || type_line "$text"
    done
}

# screen WORDS: fails unless the last line's screen shows them.
screen() { grep -q -- "$1" "$work/screen" || { show_log "$log"; die "the screen does not show: $1"; }; }

# Steady streams: $load_log has a line for each answer as it ends.

# load_on AT_ONCE LENGTH [OPTION...]: prints nothing; its pid is in $load.
load_on() {
    "$bin/latchkey-streams" --url "http://127.0.0.1:$port" --secret "$work/client.secret" \
        --at-once "$1" --length "$2" "${@:3}" >>"$load_log" 2>>"$log" </dev/null &
    load=$!
}

# load_off PID: lets its open streams end.
load_off() {
    kill -TERM "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

milliseconds() { date +%s%3N; }

# answers END FROM: how many ended so since then.
answers() { awk -v end="$1" -v from="$2" '$1 == end && $4 >= from' "$load_log" | wc -l; }

# broken FROM: those that are not whole, one a line.
broken() { awk -v from="$1" '$1 != "whole" && $4 >= from' "$load_log"; }
