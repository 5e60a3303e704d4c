# Drives examples/read-token.sh: a line "token NOW" or "rejected NOW" in, a line of JSON out.
. "$1"
date() { echo "$now"; }
while read -r asked now; do
  if [ "$asked" = rejected ]; then
    rejected_token
    echo null
  elif current_token "$2"; then
    jq -nc --arg token "$access_token" --arg client_id "$client_id" '{$token, $client_id}'
  else
    echo null
  fi
done
