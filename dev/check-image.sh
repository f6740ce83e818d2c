#!/bin/sh
# Builds the Dockerfile and runs what it makes, without a Docker engine and without a registry of images: with buildah
# in chroot isolation, on a Debian made by debootstrap that stands in for node:24-slim. Needs root on Debian.
#
#   dev/check-image.sh                 KEEP=folder keeps the base from one time to the next
#   ARCHIVE=FILE dev/check-image.sh    builds nothing, and checks the image in an archive of Docker, as CI does
set -eu

cd "$(dirname "$0")/.."
fail() { echo "check-image: $*" >&2; exit 1; }
ok() { echo "ok    $*"; }

# shellcheck source=dev/debian.sh
. dev/debian.sh

need_debian_root
need_programs buildah

scratch="$(mktemp -d)"
keep="${KEEP:-$scratch}"
export BUILDAH_ISOLATION=chroot
storage="--root $scratch/storage --runroot $scratch/run"
container=''
daemon=''
sqs_pid=''
clean() {
  [ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null || true
  [ -z "$sqs_pid" ] || kill "$sqs_pid" 2>/dev/null || true
  # shellcheck disable=SC2086
  [ -z "$container" ] || buildah $storage umount "$container" >/dev/null 2>&1 || true
  # shellcheck disable=SC2086
  buildah $storage rm --all >/dev/null 2>&1 || true
  rm -rf --one-file-system "$scratch"
}
trap clean EXIT
trap 'exit 130' INT TERM

# --- the image: from an archive, or built ---------------------------------------------------------------------------
if [ -n "${ARCHIVE:-}" ]; then
  # shellcheck disable=SC2086
  buildah $storage tag "$(buildah $storage pull -q "docker-archive:$ARCHIVE")" bec-alerts
else
  need_programs debootstrap
  node_binary=node_modules/node/bin/node
  [ -x $node_binary ] || fail "there is no $node_binary; run npm ci first"
  # The base: Debian 12, as node:24-slim has it, with the Node that npm ci brought.
  base="$keep/base.tar"
  if [ ! -f "$base" ]; then
    mkdir -p "$keep"
    make_debian "$scratch/debian" $node_binary
    tar -C "$scratch/debian" -cf "$base.part" . && mv "$base.part" "$base"
    rm -rf "$scratch/debian"
  fi
  cat >"$scratch/Base" <<END
FROM scratch
ADD base.tar /
CMD ["node"]
END
  # shellcheck disable=SC2086
  buildah $storage bud -q -t node:24-slim -f "$scratch/Base" "$keep" >/dev/null

  # npm's own settings are lent to the build and don't stay in the image.
  npm_settings "$scratch/npmrc" /run/ca.pem
  lend="--volume $scratch/npmrc:/root/.npmrc:ro"
  [ -z "${NODE_EXTRA_CA_CERTS:-}" ] || lend="$lend --volume $NODE_EXTRA_CA_CERTS:/run/ca.pem:ro"
  echo 'building'
  # shellcheck disable=SC2086
  buildah $storage bud -q --pull-never $lend --volume /etc/resolv.conf:/etc/resolv.conf:ro \
    --build-arg NODE_IMAGE=node:24-slim --build-arg COMMIT=0123abc --build-arg BUILD=https://ci.example.com/1 \
    --build-arg SOURCE=https://example.com/bec-alerts --format docker -t bec-alerts . \
    >"$scratch/build.log" 2>&1 || { tail -30 "$scratch/build.log" >&2; fail 'the build failed'; }
fi

# --- what it says of itself -----------------------------------------------------------------------------------------
# shellcheck disable=SC2086
inspect() { buildah $storage inspect --type image --format "$1" bec-alerts; }
expect() {
  [ "$2" = "$3" ] || fail "$1: expected '$3', found '$2'"
  ok "$1: $2"
}
expect 'user' "$(inspect '{{.Docker.Config.User}}')" 10001:10001
expect 'entrypoint' "$(inspect '{{.Docker.Config.Entrypoint}}')" '[/app/docker/entrypoint.sh]'
expect 'port' "$(inspect '{{.Docker.Config.ExposedPorts}}')" 'map[8000/tcp:{}]'
expect 'healthcheck' "$(inspect '{{.Docker.Config.Healthcheck.Test}}')" '[CMD node /app/docker/healthcheck.js]'

# --- what it does ---------------------------------------------------------------------------------------------------
# shellcheck disable=SC2086
container="$(buildah $storage from --pull-never bec-alerts)"
# shellcheck disable=SC2086
root="$(buildah $storage mount "$container")"
# The image's environment, user and folder, in its files alone: what a container is, less its network.
in_image() {
  chroot --userspec=10001:10001 "$root" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin NODE_ENV=production \
    NODE_COMPILE_CACHE=/app/.compile-cache "PORT=${port:-8000}" /bin/sh -c 'cd /app && exec "$@"' sh "$@"
}
# Nothing of the machine is mounted in it: what is removed at the end is ours alone.
mkdir -p "$root/dev"
[ -e "$root/dev/null" ] || mknod -m 666 "$root/dev/null" c 1 3
[ -e "$root/dev/urandom" ] || mknod -m 666 "$root/dev/urandom" c 1 9

# poll COUNT COMMAND...: until the command succeeds, COUNT times with 0.1 s in between.
poll() {
  left="$1"
  shift
  until "$@"; do
    left=$((left - 1))
    [ $left -gt 0 ] || return 1
    sleep 0.1
  done
}
# The daemon is process 1 of the process space that $outer made. Its exit code becomes $code.
find_daemon() {
  daemon="$(cat /proc/$outer/task/$outer/children)"
  daemon="${daemon%% *}"
}
terminate_daemon() {
  kill -TERM "$daemon"
  set +e
  wait "$outer"
  code=$?
  set -e
  daemon=''
}

entry=/app/docker/entrypoint.sh
version="$(sed -n 's/.*"version": "\(.*\)".*/\1/p' package.json | head -1)"
expect 'the version' "$(in_image $entry --version)" "$version"
expect 'the version, asked as bec-alerts --version' "$(in_image $entry bec-alerts --version)" "$version"
expect 'the user' "$(in_image id -u):$(in_image id -g):$(in_image id -un)" '10001:10001:app'
expect 'version.json' "$(cat "$root/app/version.json")" \
  "{\"source\":\"https://example.com/bec-alerts\",\"version\":\"$version\",\"commit\":\"0123abc\",\"build\":\"https://ci.example.com/1\"}"

set +e
in_image $entry processor >"$scratch/out" 2>&1
code=$?
set -e
expect 'exit code of a processor without configuration' $code 2
grep -q 'DATABASE_URL' "$scratch/out" || fail 'it does not name DATABASE_URL'
in_image $entry processor --help | grep -q -- --process-count || fail 'processor --help shows no options'
ok 'processor --help'

expect 'files that the service may write' \
  "$(chroot --userspec=10001:10001 "$root" find /app -writable -not -type l | head -3)" ''
expect 'development packages' "$(cd "$root/app/node_modules" && ls -d node typescript vitest fauxqs 2>/dev/null || true)" ''
for path in .env .git test dev src package-lock.json; do
  [ ! -e "$root/app/$path" ] || fail "/app/$path is in the image"
done
ok 'no sources, tests or secrets of the working copy'
# Node writes what it had to compile; with a cache that is whole it has nothing to write.
cached="$(find "$root/app/.compile-cache" -type f | wc -l)"
[ "$cached" -gt 100 ] || fail "the compile cache holds $cached files"
in_image env NODE_DEBUG_NATIVE=COMPILE_CACHE $entry --version >"$scratch/cache" 2>&1
grep -q 'was accepted' "$scratch/cache" || fail "Node doesn't take the compile cache"
! grep -i 'permission denied' "$scratch/cache" >&2 || fail "the service can't read its compile cache"
ok "a compile cache of $cached files, which Node takes"

# A watcher that can't reach its database serves, says so, and ends at SIGTERM: nothing else is needed for that. It is
# process 1 of a process space of its own, where the kernel drops a signal that nobody handles.
port=18437
unshare --fork --pid chroot --userspec=10001:10001 "$root" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin "PORT=$port" \
  NODE_COMPILE_CACHE=/app/.compile-cache DATABASE_URL=postgres://nobody@127.0.0.1:1/none AWS_DEFAULT_REGION=us-east-1 \
  $entry watcher >"$scratch/daemon.log" 2>&1 &
outer=$!
healthy() { in_image node /app/docker/healthcheck.js >"$scratch/health" 2>&1; }
poll 100 healthy || { cat "$scratch/daemon.log" >&2; fail "the HEALTHCHECK fails: $(cat "$scratch/health")"; }
expect 'the HEALTHCHECK of a running watcher' "$(cat "$scratch/health")" 200
find_daemon
expect 'its number in its own process space' "$(awk '/^NSpid:/ {print $NF}' "/proc/$daemon/status")" 1
expect 'its program' "$(basename "$(readlink "/proc/$daemon/exe")")" node
in_image node -e "fetch('http://127.0.0.1:$port/__version__').then((r) => r.text()).then(console.log)" |
  grep -q 0123abc || fail '/__version__ does not show the commit'
ok '/__version__ shows version.json'
terminate_daemon
set +e
healthy
gone=$?
set -e
expect 'exit code at SIGTERM' $code 0
expect 'the HEALTHCHECK of a watcher that is gone' $gone 1
in_image env PORT= node /app/docker/healthcheck.js || fail 'the HEALTHCHECK fails where PORT is blank'
ok 'the HEALTHCHECK passes where PORT is blank, and nothing is served'

# A read-only root: nothing at all is writable, not even /tmp.
read_only() {
  # shellcheck disable=SC2016
  exec unshare --fork --pid --mount sh -c 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"' "$root" \
    chroot --userspec=10001:10001 "$root" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin "PORT=$port" \
    NODE_COMPILE_CACHE=/app/.compile-cache DATABASE_URL=postgres://nobody@127.0.0.1:1/none AWS_DEFAULT_REGION=us-east-1 \
    AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local "SQS_ENDPOINT_URL=$sqs" PROCESSOR_PROCESS_COUNT=1 "$@"
}
# shellcheck disable=SC2016
$node_binary --input-type=module --eval '
  import { startSqs } from "./dev/services.ts";
  const { endpoint } = await startSqs();
  process.stdout.write(endpoint + "\n");
' >"$scratch/sqs" 2>"$scratch/sqs.log" &
sqs_pid=$!
poll 100 grep -q http "$scratch/sqs" || { cat "$scratch/sqs.log" >&2; fail 'the local SQS does not start'; }
sqs="$(grep http "$scratch/sqs")"
port=18438
# The processor's workers must have begun too: they report that this database can't be reached.
begun() { healthy && grep -q 'ECONNREFUSED' "$scratch/read-only.log"; }
for command in processor watcher; do
  read_only $entry $command >"$scratch/read-only.log" 2>&1 &
  outer=$!
  poll 200 begun || { cat "$scratch/read-only.log" >&2; fail "the $command does not start on a read-only root"; }
  find_daemon
  terminate_daemon
  ! grep -q 'EROFS\|EACCES' "$scratch/read-only.log" || fail "the $command wants to write"
  expect "exit code of the $command on a read-only root at SIGTERM" $code 0
done
kill "$sqs_pid"

# As process 1 a command that finishes nothing must end itself: here one whose trigger file never ends to load.
echo "console.log('loading'); await new Promise(() => setInterval(() => {}, 1_000));" >"$root/tmp/hangs.mjs"
unshare --fork --pid chroot --userspec=10001:10001 "$root" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin \
  NODE_COMPILE_CACHE=/app/.compile-cache TRIGGERS=/tmp/hangs.mjs $entry triggers >"$scratch/hangs.log" 2>&1 &
outer=$!
poll 100 grep -q loading "$scratch/hangs.log" || { cat "$scratch/hangs.log" >&2; fail 'triggers does not load its file'; }
find_daemon
terminate_daemon
expect 'exit code of a command without anything in hand at SIGTERM' $code 143

layer="$(du -sk "$root/app" | cut -f1)"
modules="$(du -sk "$root/app/node_modules" | cut -f1)"
echo "what is added to the base: $((layer / 1024)) MB ($((modules / 1024)) MB of it node_modules)"
