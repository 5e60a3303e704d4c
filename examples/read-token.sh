# shellcheck shell=sh
# Reads rotator's token secret in a POSIX shell. It needs the AWS CLI and jq, and nothing of rotator.
#
#   . ./read-token.sh
#   current_token adobe/token || exit 6
#   printf 'Authorization: Bearer %s\nx-api-key: %s\n' "$access_token" "$client_id" |
#     curl --fail -H @- "$URL"
#
# Call current_token before each request, and not in a subshell such as $(...), which would forget
# what it has read. It sets access_token, client_id and expires_at (seconds since 1970), and asks
# Secrets Manager only where there is a reason to. After a 401 call rejected_token, then
# current_token again, and repeat the request if access_token is another one.

# Every process draws its own moment, so that not all of them read at once.
: "${token_jitter:=$(($$ % 100))}"
_newline='
'

current_token() {
  _now=$(date +%s)
  if [ "$1" != "${_secret-}" ]; then
    _secret=$1 access_token='' client_id='' expires_at=0 _look_at=0 _rejected_at=0
  fi
  if [ "$_now" -lt "$expires_at" ] && [ "$_now" -lt "$_look_at" ]; then
    return 0
  fi
  # The version before is for those who have nothing better.
  if ! _read_version AWSCURRENT; then
    _look_at=$((_now + 60))
    [ "$_now" -lt "$expires_at" ] || _read_version AWSPREVIOUS || :
  fi
  if [ "$_now" -ge "$expires_at" ]; then
    echo "token secret $_secret: no token to read" >&2
    return 1
  fi
}

# At most one extra look in 30 seconds, however many requests were refused.
rejected_token() {
  _now=$(date +%s)
  if [ "$_now" -ge "$((${_rejected_at:-0} + 30))" ]; then
    _rejected_at=$_now _look_at=0
  fi
}

# Fails, and changes nothing, if the version cannot be read or holds no token that is good.
_read_version() {
  _answer=$(aws secretsmanager get-secret-value --secret-id "$_secret" \
    --version-stage "$1" --output json) || return 1
  # The earlier instant counts; a token that is not due yet has until then, any other the last 24th.
  # Values that the console has turned into strings are read, too.
  _fields=$(printf '%s' "$_answer" | jq -er --argjson now "$_now" '
    .SecretString | fromjson
    | ([(.expires_at_epoch // empty | tonumber), (.expires_at // empty | fromdateiso8601)] | min)
      as $ends_at
    | (if .next_rotation_at then .next_rotation_at | fromdateiso8601
       else $ends_at - ($ends_at - (.issued_at | fromdateiso8601)) / 24 end) as $due_at
    | select($ends_at > $now and (.access_token | test("\\A[!-~]+\\z")))
    | select(.token_type | . == null or (strings | ascii_downcase == "bearer"))
    | "\($ends_at | floor) \($due_at | floor)\n\(.client_id // "")\n\(.access_token)"' 2>/dev/null) || return 1
  access_token=${_fields##*"$_newline"} _fields=${_fields%"$_newline"*}
  client_id=${_fields##*"$_newline"} _fields=${_fields%%"$_newline"*}
  expires_at=${_fields% *} _due=${_fields#* }
  # For 24 hours, due an hour before the end: 1 to 3 minutes after that, then every 7.5 to 12.
  _window=$((expires_at - _due))
  _look_at=$((_due + _window * (200 + 3 * token_jitter) / 10000))
  if [ "$_look_at" -le "$_now" ]; then
    _look_at=$((_now + _window * (1250 + 7 * token_jitter) / 10000))
  fi
}
