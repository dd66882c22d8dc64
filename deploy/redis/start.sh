#!/bin/sh
# Starts the broker with the users of users.acl; passwords come as files, redis_NAME_password in the folder of secrets.
# Further words go to redis-server. No password is ever on a command line, nor in clear in the file that is made.
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
secrets=${SECRETS:-/run/secrets}
made=$(mktemp)

set_of() { printf '%s' "$1" | tr -d '\r\n'; }

words=''
for file in "$secrets"/redis_*_password; do
  name=${file##*/redis_}
  name=${name%_password}
  password=$(set_of "$(cat "$file")")
  if [ "${#password}" -lt 16 ]; then
    echo "redis: $file holds fewer than 16 characters; make it with deploy/make-secrets.sh" >&2
    exit 1
  fi
  words="$words -e s/{$name}/$(printf '%s' "$password" | sha256sum | cut -d ' ' -f 1)/"
done
case $(redis-server --version) in
  *v=6.*) unknown='+client|maint_notifications' ;;
  *) unknown='' ;;
esac
# shellcheck disable=SC2086 # each is a word without blanks
sed -e '/^user /!d' -e "s/{unknown}/$unknown/" $words "$here/users.acl" >"$made"
if grep -q '{' "$made"; then
  echo "redis: users.acl names a user whose password is not in $secrets:" >&2
  grep -o '{[a-z]*}' "$made" >&2
  exit 1
fi
exec redis-server "$here/redis.conf" --aclfile "$made" "$@"
