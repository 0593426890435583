# shellcheck shell=bash
# The steps of scripts/up, in the order in which it takes them.
# shellcheck disable=SC2154 # site, url, username, port, once, fresh are options that scripts/up has read
# shellcheck disable=SC2034 # scripts/up shows title

# Sets title, site_name, site_file (for a site that is not built in) and own (the site is the user's).
choose_site() {
    own=no site_file='' site_name=$site
    [[ -z $url ]] || own=yes
    case $site in
        practice) title='the practice site' ;;
        open-webui) title='Open WebUI' ;;
        *)
            [[ -f $site ]] || die "there is no site file $site; practice and open-webui are built in"
            [[ -n $url ]] || die "--site $site needs --url, the address of the site"
            site_file=$(realpath "$site")
            site_name=$(sed -n 's/^name *= *"\([^"]*\)".*/\1/p' "$site" | head -n 1)
            [[ $site_name =~ ^[a-z0-9-]+$ ]] || die "$site has no line name = \"...\" under [site]"
            title=$site_name
            ;;
    esac
    [[ $own == no || $site != practice ]] || die "--url is for open-webui or a site file of yours"
    if [[ $own == yes && -z $username ]]; then
        [[ -t 0 ]] || die "--username is needed, as there is no terminal to ask on"
        read -r -p "  Username at $url: " username
    fi
}

# One directory for each site, with a lock that every child inherits: two servers on one set of data would ruin it.
# With --once it is a directory of this run alone, so that a gate neither meets nor changes what else is up.
open_state() {
    state=.latchkey/$site_name
    if [[ $once == yes ]]; then state+=-once-$$; fi
    umask 077
    mkdir -p "$state"
    exec 9>>"$state/lock"
    flock -n 9 || die "it is running already, as processes $(tr '\n' ' ' <"$state/pids")"
    if [[ $fresh == yes ]]; then rm -rf "$state/redis" "$state/secrets" "$state/open-webui"; fi
    rm -rf "$state/log"
    mkdir -p "$state/log" "$state/secrets"
    echo $$ >"$state/pids"
}

packages() {
    local list=()
    has_rust || die "Rust is missing: install it with rustup (rust-toolchain 1.88 or later), then run this again"
    mapfile -t list < <(
        missing_packages chromium=chromium redis-server=redis-server curl=curl cc=gcc
        if [[ $site == open-webui && $own == no ]]; then missing_venv; fi
    )
    if ((${#list[@]} == 0)); then
        line packages "all there"
    else
        install "$state/log/packages.log" "${list[@]}"
    fi
}

# A debug build: it is ready in a third of the time of a release build, and shares its work with scripts/test.
build() {
    run build "$state/log/build.log" cargo build --locked --workspace --bins
    bin=${CARGO_TARGET_DIR:-target}/debug
    [[ -f $state/secrets/credentials.keys ]] || "$bin/latchkey-broker" keys new --out "$state/secrets" >/dev/null
    printf 'Authorization: Bearer %s\n' "$(<"$state/secrets/shared.secret")" >"$state/secrets/authorization.header"
}

# Starts what is signed in to, unless it is the user's own. Sets url, and username and secrets of a site of ours.
start_site() {
    [[ $own == no ]] || return 0
    secrets=$'correct-horse-battery\nJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'
    username=alice
    case $site in
        practice)
            start_practice site --totp
            url=$practice_url
            ;;
        open-webui)
            username=alice@example.org secrets=correct-horse-battery
            start_practice model
            run install "$state/log/open-webui-install.log" scripts/open-webui install
            start_open_webui
            ;;
    esac
}

start_open_webui() {
    local port began=$SECONDS log=$state/log/open-webui.log
    port=$(free_port)
    url=http://127.0.0.1:$port
    WEBUI_ADMIN_PASSWORD=$secrets start open-webui "$log" \
        scripts/open-webui serve "$state/open-webui" "$port" "$practice_url" "$username"
    wait_until "open webui" 120 "$child" "$log" answers "$url/health"
    line "open webui" "$url, ready in $(seconds_since "$began") s"
}

# start_practice SUBCOMMAND...: of the practice binary. Sets practice_url.
start_practice() {
    local port
    port=$(free_port)
    start "practice-$1" "$state/log/practice-$1.log" "$bin/latchkey-practice" "$@" --listen "127.0.0.1:$port"
    wait_until "practice $1" 15 "$child" "$state/log/practice-$1.log" listens "$port"
    practice_url=http://127.0.0.1:$port
    line "practice $1" "$practice_url"
}

# What both services are told. Variables of the caller's own shell must not leak in, but for these three.
common_environment() {
    local name
    for name in "${!LATCHKEY_@}"; do
        case $name in
            LATCHKEY_LOG | LATCHKEY_CHROMIUM | LATCHKEY_CHROMIUM_SANDBOX) ;;
            *) unset "$name" ;;
        esac
    done
    export LATCHKEY_SITE_URLS=$site_name=$url LATCHKEY_SITES=$site_file
    export LATCHKEY_SESSION_KEYS_FILE=$PWD/$state/secrets/session.keys
}

# What the broker is told, and whoever looks after it: doctor asks what the broker asks.
broker_environment() {
    local sandbox=on
    if ((EUID == 0)); then sandbox=off; fi
    common_environment
    export LATCHKEY_REDIS_URL_FILE=$PWD/$state/secrets/broker-redis-url
    export LATCHKEY_ADMIN_TOKEN_FILE=$PWD/$state/secrets/admin.token
    export LATCHKEY_CREDENTIALS_KEYS_FILE=$PWD/$state/secrets/credentials.keys
    export LATCHKEY_CHROMIUM_SANDBOX=${LATCHKEY_CHROMIUM_SANDBOX:-$sandbox} LATCHKEY_ARTEFACTS=$PWD/$state/artefacts
}

# The same as a file for a shell, so that each command of the README is one line there.
write_environment() {
    (
        broker_environment
        export LATCHKEY_BROKER_URL=$broker_url
        for name in "${!LATCHKEY_@}"; do printf 'export %s=%q\n' "$name" "${!name}"; done
        # shellcheck disable=SC2016 # for the shell that reads it
        printf 'export PATH=%q:$PATH\n' "$(realpath "$bin")"
    ) >"$state/environment"
}

start_broker() {
    local port
    port=$(free_port 7801)
    broker_url=http://127.0.0.1:$port
    write_environment
    (
        broker_environment
        export LATCHKEY_BROKER_LISTEN=127.0.0.1:$port
        exec "$bin/latchkey-broker" serve
    ) >>"$state/log/broker.log" 2>&1 </dev/null &
    adopt broker $!
    wait_until broker 30 "$child" "$state/log/broker.log" answers "$broker_url/readyz"
    line broker "$broker_url"
    if grep -q SANDBOX=off "$state/environment"; then line '' "you are root, so Chromium runs without its sandbox"; fi
}

start_adapter() {
    port=${port:-$(free_port 7802)}
    adapter_url=http://127.0.0.1:$port
    is_free "$port" || die "port $port is taken"
    (
        common_environment
        export LATCHKEY_REDIS_URL_FILE=$state/secrets/adapter-redis-url LATCHKEY_ADAPTER_LISTEN=127.0.0.1:$port
        export LATCHKEY_SHARED_SECRETS_FILE=$state/secrets/shared.secret
        exec "$bin/latchkey-adapter"
    ) >>"$state/log/adapter.log" 2>&1 </dev/null &
    adopt adapter $!
    wait_until adapter 30 "$child" "$state/log/adapter.log" answers "$adapter_url/livez"
    line adapter "$adapter_url"
}

cli() {
    (
        # shellcheck source=/dev/null
        . "$state/environment"
        exec latchkey-broker "$@"
    )
}

# Adds the account and signs it in, or signs in the one that an earlier start added. Sets model.
sign_in() {
    local status=0
    say ''
    if cli account list --site "$site_name" | grep -qF " $username "; then
        cli account login "$username" </dev/null || status=$?
    elif [[ $own == yes ]]; then
        cli account add --site "$site_name" --username "$username" || status=$?
    else
        cli account add --site "$site_name" --username "$username" <<<"$secrets" || status=$?
    fi
    ((status == 0)) || die "the account is not signed in. The logs are in $state/log, masked screenshots in $state/artefacts"
    model=$(first_model "$adapter_url" "$state/secrets/authorization.header") ||
        die "the adapter offers no model; its log is $state/log/adapter.log"
}

what_next() {
    cat <<TEXT

Latchkey is up. Ctrl-C stops it; the next start keeps its accounts.

  A channel in new-api has these values:
    Type        New API, or OpenAI where there is none
    Base URL    $adapter_url/new-api    (without /v1)
    Key         the line in $state/secrets/shared.secret
    Models      $model
  Set its retry times (RetryTimes) to 1; README.md has the other settings that matter.

  Ask from another terminal:
    curl -N $adapter_url/v1/chat/completions -H @$state/secrets/authorization.header \\
      -H 'Content-Type: application/json' \\
      -d '{"model":"$model","stream":true,"messages":[{"role":"user","content":"Hello"}]}'

  Look after the accounts:
    . $state/environment
    latchkey-broker account list
    latchkey-broker doctor

  Logs: $state/log

TEXT
}

# Runs what was printed, word for word, in a shell that knows nothing else; then what the README goes on with.
try_what_next() {
    local printed log=$state/log/what-next.log
    printed=$(what_next | sed -n '/^  Ask from/,/^  Logs/{/^    /p}')
    printed+=$'\nlatchkey-broker account show '"$username"$'\nlatchkey-broker keys list\nlatchkey-broker audit'
    env -i HOME="$HOME" PATH="$PATH" bash -euo pipefail -c "$printed" >"$log" 2>&1 </dev/null ||
        { show_log "$log"; die "a command that is printed at the end fails"; }
    grep -qF 'data: [DONE]' "$log" || { show_log "$log"; die "the printed question is not answered"; }
    line "what next" "each printed command works"
}
