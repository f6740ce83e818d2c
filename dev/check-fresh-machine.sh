#!/bin/sh
# Runs .ci/run on a machine that nobody has used: a Debian of minimal packages that has Node, npm and nothing else, with
# a clone of what is committed. What the tests need beyond that, they must install themselves. Needs root on Debian.
#
#   dev/check-fresh-machine.sh            KEEP=folder keeps the Debian from one time to the next; SUITE=bullseye has
#                                         Postgres 13, bookworm 15 (the default) and trixie 17
#   dev/check-fresh-machine.sh COMMAND    runs another command there after `npm ci`, such as 'npm run test:unit'
#
# It is no part of CI: it takes some minutes more than the tests, and a gigabyte.
set -eu

cd "$(dirname "$0")/.."
fail() { echo "check-fresh-machine: $*" >&2; exit 1; }
# shellcheck source=dev/debian.sh
. dev/debian.sh

need_debian_root
need_programs debootstrap git
node="$(command -v node)"
[ -n "$node" ] || fail 'there is no node in the PATH'

scratch="$(mktemp -d)"
keep="${KEEP:-$scratch}"
trap 'rm -rf --one-file-system "$scratch"' EXIT
trap 'exit 130' INT TERM

base="$keep/debian-${SUITE:-bookworm}-node-$("$node" --version).tar"
root="$scratch/debian"
mkdir -p "$keep"
if [ ! -f "$base" ]; then
  make_debian "$root" "$node"
  tar -C "$root" -cf "$base.part" . && mv "$base.part" "$base"
else
  mkdir "$root"
  tar -C "$root" -xf "$base"
fi
git clone -q . "$root/root/bec-alerts"

# How this machine reaches the network is lent; nothing else of it is seen.
cp --remove-destination /etc/resolv.conf "$root/etc/resolv.conf"
certificates=''
if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then
  certificates=/root/ca.pem
  cp "$NODE_EXTRA_CA_CERTS" "$root$certificates"
fi
npm_settings "$root/root/.npmrc" /root/ca.pem

command=.ci/run
[ $# = 0 ] || command="npm ci --no-audit --no-fund && $*"
# In process and mount spaces of their own: whatever is left running or mounted is gone with the first process.
set +e
unshare --mount --pid --fork --kill-child sh -euc '
  root="$1"
  mount -t proc proc "$root/proc"
  mount --rbind /sys "$root/sys"
  mount --rbind /dev "$root/dev"
  exec chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    CI=true ${2:+"NODE_EXTRA_CA_CERTS=$2"} /bin/bash -c "cd /root/bec-alerts && $3"
' sh "$root" "$certificates" "$command"
code=$?
set -e
[ $code = 0 ] || fail "$command failed with exit code $code"
echo "check-fresh-machine: $command passed"
