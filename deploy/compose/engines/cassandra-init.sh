#!/bin/sh
# Once per new cluster: a user of the platform with rights on its keyspace only, and another password for the built-in administrator.
set -eu
host=${1:-cassandra}
admin=${ADMIN_PASSWORD:-$(cat /run/secrets/cassandra_admin_password)}
user=${USER_PASSWORD:-$(cat /run/secrets/cassandra_password)}
ca=${CA_FILE:-/run/secrets/ca}
umask 077
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
rc=$folder/cqlshrc
printf '[connection]\nssl = true\n[ssl]\ncertfile = %s\nvalidate = true\n' "$ca" > "$rc"

ask() {
  password=$1
  printf '[PlainTextAuthProvider]\nusername = cassandra\npassword = %s\n' "$password" > "$folder/credentials"
  cqlsh --cqlshrc "$rc" --credentials "$folder/credentials" --ssl "$host"
}

until ask "$admin" < /dev/null 2>/dev/null || ask cassandra < /dev/null 2>/dev/null; do sleep 2; done
if ! ask "$admin" < /dev/null 2>/dev/null; then
  echo "ALTER ROLE cassandra WITH PASSWORD = '$admin';" | ask cassandra
  until ask "$admin" < /dev/null 2>/dev/null; do sleep 1; done # a node knows the password of before for two seconds more
fi
ask "$admin" <<CQL
CREATE ROLE IF NOT EXISTS mla WITH PASSWORD = '$user' AND LOGIN = true;
ALTER ROLE mla WITH PASSWORD = '$user';
CREATE KEYSPACE IF NOT EXISTS mla WITH replication = {'class': 'NetworkTopologyStrategy', 'replication_factor': ${REPLICATION:-1}};
GRANT ALL PERMISSIONS ON KEYSPACE mla TO mla;
CQL
echo "cassandra: the platform may log in"
