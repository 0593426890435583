# shellcheck shell=bash
# Asks the adapter as a client would, and shows the answer while it comes.

# A JSON string's inside as text. printf's %b knows every escape that the adapter writes, but for the quotation mark.
unescape() { printf '%b' "${1//\\\"/\\x22}"; }

json_string() {
    local text=$1
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//$'\n'/\\n}
    printf '"%s"' "$text"
}

# Reads server-sent events, prints the text of each as it comes, and fails unless the stream ends as it should.
print_stream() {
    local event text='"content":"((\\.|[^"\\])*)"' got=no finished=no other=''
    while IFS= read -r event || [[ -n $event ]]; do
        event=${event%$'\r'}
        case $event in
            'data: [DONE]') finished=yes ;;
            'data: {"error"'*) other=${event#data: } ;;
            'data: '*)
                if [[ $event =~ $text ]]; then
                    unescape "${BASH_REMATCH[1]}"
                    [[ -z ${BASH_REMATCH[1]} ]] || got=yes
                fi
                ;;
            '' | :*) ;;
            *) other+=$event ;;
        esac
    done
    printf '\n'
    [[ -z $other ]] || printf '  the adapter says: %s\n' "$other"
    [[ $got == yes && $finished == yes && -z $other ]]
}

# ask URL HEADER_FILE MODEL QUESTION: the secret is in the header file, so that no command line shows it.
ask() {
    local body
    body=$(printf '{"model":%s,"stream":true,"messages":[{"role":"user","content":%s}]}' \
        "$(json_string "$3")" "$(json_string "$4")")
    curl -sS -N --max-time 180 -H @"$2" -H 'Content-Type: application/json' --data-binary @- \
        "$1/v1/chat/completions" <<<"$body" | print_stream
}

# The first model that the adapter offers.
first_model() {
    local answer id='"id":"([^"]+)"'
    answer=$(curl -fsS --max-time 30 -H @"$2" "$1/v1/models") || return 1
    [[ $answer =~ $id ]] && printf '%s\n' "${BASH_REMATCH[1]}"
}
