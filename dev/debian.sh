# For the checks that need a Debian of their own: sourced, not run. They call `fail` and set `scratch` first.

need_debian_root() {
  [ "$(id -u)" = 0 ] || fail 'run it as root: making another root folder needs it'
  command -v apt-get >/dev/null || fail 'it needs Debian or Ubuntu, for debootstrap'
}

# Installs the programs that are missing.
need_programs() {
  missing=''
  for program in "$@"; do command -v "$program" >/dev/null || missing="$missing $program"; done
  # shellcheck disable=SC2086
  [ -z "$missing" ] || DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >/dev/null
}

# make_debian FOLDER NODE: the minimal packages of Debian's SUITE, with that Node and this machine's npm and nothing else.
make_debian() {
  mirror="$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    awk '/^URIs:/ {print $2; exit} /^deb / {for (i = 2; i <= NF; i++) if ($i ~ /^http/) {print $i; exit}}')"
  echo 'making a Debian with debootstrap'
  debootstrap --variant=minbase "${SUITE:-bookworm}" "$1" "$mirror" >"$scratch/debootstrap.log" 2>&1 ||
    { tail -5 "$scratch/debootstrap.log" >&2; fail 'debootstrap failed'; }
  install -D -m 755 "$2" "$1/usr/local/bin/node"
  mkdir -p "$1/usr/local/lib/node_modules"
  cp -a "$(dirname "$(readlink -f "$(command -v npm)")")/.." "$1/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$1/usr/local/bin/npx"
  rm -rf "$1/var/cache/apt" "$1/var/lib/apt/lists"
}

# npm_settings FILE CERTIFICATES: npm's settings of this machine, with the path that its certificates will have there.
npm_settings() {
  cat "$HOME/.npmrc" /etc/npmrc /usr/local/etc/npmrc >"$1" 2>/dev/null || true
  [ -z "${NODE_EXTRA_CA_CERTS:-}" ] || echo "cafile=$2" >>"$1"
}
