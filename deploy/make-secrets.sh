#!/bin/sh
# Makes the secrets that docker-compose.yml hands out, each a file of deploy/secrets; what is there already stays.
# The folder is for you alone; the files in it are readable, because a container's user must read what is mounted.
# Secrets that only you can know begin empty, and an empty file is a setting that is not set: write them there.
set -eu
folder=${1:-"$(dirname "$0")/secrets"}
umask 022
mkdir -p "$folder"
chmod 700 "$folder"

keep() { # name, text
  [ -e "$folder/$1" ] && return 0
  printf '%s\n' "$2" >"$folder/$1"
  chmod 444 "$folder/$1"
}
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

for name in postgres_owner_password app_password grafana_password secret_key \
  redis_worker_password redis_tower_password redis_beat_password redis_flower_password redis_metrics_password redis_keeper_password; do
  keep "$name" "$(random)"
done
keep flower_login "stakazo:$(random)"
for name in meta_access_token meta_app_secret alert_urls alert_smtp_url alert_slack_webhook_url deadman_url; do
  [ -e "$folder/$name" ] || { : >"$folder/$name" && chmod 644 "$folder/$name"; }
done
echo "secrets are in $folder; Flower's login: flower_login, Grafana's: admin and grafana_password"
