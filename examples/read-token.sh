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

# Every process draws its own moment, 0 to 99, so that not all of them read at once.
case ${token_jitter-} in
  [0-9] | [1-9][0-9]) ;;
  *) token_jitter=$(($$ % 100)) ;;
esac
# Variables of these names in the environment are not ours, and would be passed on to every command.
unset _secret access_token client_id
_secret='' access_token='' client_id='' expires_at=0 _look_at=0 _rejected_at=0
_issued_at=0 _early=0
_newline='
'

current_token() {
  _now=$(date +%s)
  if [ "$1" != "$_secret" ]; then
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
  if [ "$_now" -ge "$((_rejected_at + 30))" ]; then
    _rejected_at=$_now _look_at=0
  fi
}

# Fails, and keeps the token, if the version cannot be read or holds none that is good. It sets
# _now, because a read can take longer than a token lives.
_read_version() {
  _answer=$(aws secretsmanager get-secret-value --secret-id "$_secret" --version-stage "$1" \
    --output json --cli-connect-timeout 5 --cli-read-timeout 10) || _answer=''
  _now=$(date +%s)
  [ -n "$_answer" ] || return 1
  # Values that the console has turned into strings are read, too. The earlier end counts; a token
  # without a usable next_rotation_at is due in the last 24th of its life. jq also takes NaN, 01 and
  # others for numbers, which are not JSON (RFC 8259 section 6).
  _fields=$(printf '%s' "$_answer" | jq -er --argjson now "$_now" '
    def plausible: select(0 < . and . < 253402300800);
    def whole:
      if type == "string" then
        capture("\\A[ \\t\\r\\n]*(?<digits>[0-9]+(\\.[0-9]+)?)[ \\t\\r\\n]*\\z").digits | tonumber
      else . end
      | select(type == "number" and . == floor) | plausible;
    def instant: # RFC 3339; a day that the month does not have would become one of the next
      select(type == "string")
      | capture("\\A(?<date>[0-9]{4}-[0-9]{2}-[0-9]{2})T" +
          "(?<time>([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])(?<part>\\.[0-9]+)?" +
          "(Z|(?<sign>[+-])(?<hours>[01][0-9]|2[0-3]):(?<minutes>[0-5][0-9]))\\z")
      | "\(.date)T\(.time)Z" as $text
      | ($text | try fromdateiso8601 catch empty | select(todate == $text))
        + ("0" + .part | tonumber)
        - (.sign + "60" | ltrimstr("+") | tonumber)
        * ((.hours // "0" | tonumber) * 60 + (.minutes // "0" | tonumber))
      | plausible;
    def usable(f): if . == null then empty else [f][0] // error("unusable") end;
    def standard:
      select([scan("\"(?:\\\\.|[^\"\\\\])*\"|[^\\[\\]{}:,\" \\t\\r\\n]+")]
        | all(startswith("\"") or test(
            "\\A(true|false|null|-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?)\\z")));
    .SecretString | ltrimstr("\ufeff") | standard | fromjson
    | ([(.expires_at_epoch | usable(whole)), (.expires_at | usable(instant))] | min) as $ends_at
    | ([.issued_at | instant][0] // $now) as $issued_at
    | ([.next_rotation_at | instant | select(. < $ends_at)][0]
       // $ends_at - ($ends_at - ([$now, $issued_at] | min)) / 24) as $due_at
    | select($ends_at > $now and (.access_token | test("\\A[!-~]+\\z")))
    | select(.token_type | . == null or (strings | ascii_downcase == "bearer"))
    | (.client_id | if . == null then "" else . end
       | select(test("\\A([!-~]([ -~]*[!-~])?)?\\z"))) as $client_id
    | ($issued_at | if . < $ends_at then ceil else 0 end) as $issued_at
    | "\($ends_at | floor) \($due_at | floor) \($issued_at)\n\($client_id)\n\(.access_token)"
    ' 2>/dev/null) || return 1
  _token=${_fields##*"$_newline"} _fields=${_fields%"$_newline"*}
  client_id=${_fields##*"$_newline"} _fields=${_fields%%"$_newline"*}
  _issued=${_fields##* } _fields=${_fields% *}
  # If a token was issued after its first read, its issuer's clock is ahead, and it ends that much
  # earlier, at later reads too.
  if [ "$_token" != "$access_token" ] || [ "$_issued" -ne "$_issued_at" ]; then
    access_token=$_token _issued_at=$_issued
    _early=$((_issued > _now ? _issued - _now : 0))
  fi
  expires_at=$((${_fields% *} - _early)) _due=$((${_fields#* } - _early))
  # For 24 hours, due an hour before the end: 1 to 3 minutes after that, then every 7.5 to 12.
  _window=$((expires_at - _due))
  _look_at=$((_due + _window * (200 + 3 * token_jitter) / 10000))
  if [ "$_look_at" -le "$_now" ]; then
    _look_at=$((_now + _window * (1250 + 7 * token_jitter) / 10000))
  fi
  [ "$_now" -lt "$expires_at" ]
}
