#!/bin/sh
# Makes what compose.yaml needs: a certificate authority, certificates of the engines and of the web server, passwords, and the URLs
# that name them. Everything goes into .mla-secrets at the top of the checkout, or into $SECRETS (an absolute path; tell compose the same):
# never into a folder that is published. What is there already is kept. Needs openssl.
# For Ansible: SECRETS=/…/deploy/ansible/files HOSTS="one.example.org two.example.org" makes certificates/HOST.pem and .key too.
set -eu
umask 077
folder=${SECRETS:-$(dirname "$0")/../../.mla-secrets}
mkdir -p "$folder"
cd "$folder"
days=${DAYS:-825}

password() { [ -s "$1" ] || openssl rand -hex 24 | tr -d '\n' > "$1"; }
for name in kafka_password redis_password cassandra_password cassandra_admin_password admin_password; do password "$name"; done

if [ ! -s ca.key ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=MLA certificate authority" \
    -keyout ca.key -out ca.pem 2>/dev/null
fi

# certificate NAME FILE: signed by the authority, for that name, in FILE.pem and FILE.key.
certificate() {
  [ ! -s "$2.pem" ] || [ ! -s "$2.key" ] || return 0
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "$2.key" -out csr 2>/dev/null
  printf 'subjectAltName=DNS:%s,DNS:localhost,IP:127.0.0.1%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$1" "${EXTRA_NAMES:+,$EXTRA_NAMES}" > ext
  openssl x509 -req -in csr -CA ca.pem -CAkey ca.key -CAcreateserial -days "$days" -extfile ext -out "$2.pem" 2>/dev/null
  rm csr ext
}
for name in kafka redis cassandra registry web; do
  certificate "$name" "$name"
  cat "$name.key" "$name.pem" ca.pem > "$name.keystore.pem"
done
[ -z "${HOSTS:-}" ] || mkdir -p certificates
for name in ${HOSTS:-}; do certificate "$name" "certificates/$name"; done

printf 'user default off\nuser mla on ~mla:* &* +@all -@dangerous +info >%s\n' \
  "$(cat redis_password)" > redis.acl

files=/run/secrets
printf 'kafka://mla@kafka:9093?tls=1&ca=%s/ca&sasl=PLAIN&password_file=%s/kafka_password' "$files" "$files" > bus_url
printf 'rediss://mla@redis:6380?ssl_ca_certs=%s/ca&password_file=%s/redis_password' "$files" "$files" > hot_url
printf 'cassandra://mla@cassandra:9042/mla?tls=1&ca=%s/ca&password_file=%s/cassandra_password' "$files" "$files" > cassandra_url

# Compose mounts secrets with the owner and mode they have, and containers run as other users: the files are readable, the folder is not.
find . -maxdepth 1 -type f ! -name ca.key -exec chmod 0644 {} +
chmod 0700 .
echo "made $(pwd): keep ca.key somewhere safe and offline"
