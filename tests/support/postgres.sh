#!/bin/sh
# A PostgreSQL of its own for tests: made in a new folder, run by an unprivileged user.
#
#   url=$(tests/support/postgres.sh start DIR)     # DIR must not exist; prints postgres://...
#   tests/support/postgres.sh stop DIR             # the data stays
#   tests/support/postgres.sh again DIR
#   url=$(PRIMARY=DIR tests/support/postgres.sh follow DIR2)    # a streaming standby
#   tests/support/postgres.sh promote DIR2
#   tests/support/postgres.sh remove DIR           # stops it, too
#
# It listens on a free port of 127.0.0.1 (PORT in the environment names one) and on a socket in DIR,
# and asks for a password. FSYNC=off makes it quicker where nothing is to survive.
set -eu

action=$1
folder=$2
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
password=t0p-s3cret-pa55word

# PostgreSQL refuses to be run by root.
unprivileged() {
  if [ "$(id -u)" -ne 0 ]; then
    "$@"
  else
    user=postgres
    id -u postgres >/dev/null 2>&1 || user=nobody
    (cd / && exec setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups "$@")
  fi
}

begin() {
  unprivileged "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 -s start
}

case "$action" in
  start)
    mkdir -p "$folder"
    if [ "$(id -u)" -eq 0 ]; then
      chown "$(id -u postgres 2>/dev/null || id -u nobody)" "$folder"
    fi
    chmod 755 "$folder"
    port=${PORT:-$(PYTHONPATH=$(dirname "$0") python3 -B -c '
import keywright
print(keywright.free_port())')}
    unprivileged sh -c "umask 077; printf '%s\n' '$password' >'$folder/password'"
    unprivileged "$bin/initdb" -D "$folder/data" -U keywright -E UTF8 --locale=C -N \
      --auth=scram-sha-256 --pwfile="$folder/password" >"$folder/initdb.log" 2>&1
    unprivileged tee -a "$folder/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$folder'
fsync = ${FSYNC:-on}
shared_buffers = 64MB
max_connections = 60
logging_collector = off
CONF
    begin
    echo "postgres://keywright:$password@127.0.0.1:$port/postgres"
    ;;
  follow)  # DIR follows PRIMARY, the folder of another one
    mkdir -p "$folder"
    [ "$(id -u)" -ne 0 ] || chown "$(id -u postgres 2>/dev/null || id -u nobody)" "$folder"
    chmod 755 "$folder"
    port=$(python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
    primary=$(sed -n 's/^port = //p' "$PRIMARY/data/postgresql.conf")
    PGPASSWORD=$password unprivileged "$bin/pg_basebackup" -h 127.0.0.1 -p "$primary" \
      -U keywright -D "$folder/data" -R -X stream -c fast
    sed -i -e "s/^port = .*/port = $port/" \
      -e "s|^unix_socket_directories = .*|unix_socket_directories = '$folder'|" \
      "$folder/data/postgresql.conf"
    begin
    echo "postgres://keywright:$password@127.0.0.1:$port/postgres"
    ;;
  promote) unprivileged "$bin/pg_ctl" -D "$folder/data" -w -s promote ;;
  stop) unprivileged "$bin/pg_ctl" -D "$folder/data" -m "${MODE:-fast}" -w -s stop ;;
  again) begin ;;
  remove)
    unprivileged "$bin/pg_ctl" -D "$folder/data" -m immediate -w -s stop >/dev/null 2>&1 || true
    rm -rf "$folder"
    ;;
  *)
    echo "postgres.sh: unknown action '$action'" >&2
    exit 2
    ;;
esac
