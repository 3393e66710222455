#!/bin/sh
# Installs what a group of make targets needs, from Debian 12, without asking and without starting
# any service. Quiet when nothing is missing. Usage: tools/setup.sh build|test|bench|package ...
set -eu

packages_of() {
  case "$1" in
    build)
      echo clang-19 libstdc++-12-dev cmake ninja-build ccache mold pkg-config python3 \
        libssl-dev libsodium-dev libsqlite3-dev libsimdjson-dev libfmt-dev \
        libexpected-dev zlib1g-dev libzstd-dev libcrypt-dev libargon2-dev libnghttp2-dev libpq-dev \
        npm ca-certificates ;;
    test)
      packages_of build
      echo libgtest-dev libclang-rt-19-dev clang-tidy-19 clang-format-19 libbenchmark-dev g++-12 \
        openssl sqlite3 curl nghttp2-client procps git postgresql-15 postgresql-client-15 \
        chromium nginx-light haproxy caddy nodejs python3-yaml prometheus debootstrap systemd \
        dpkg-dev ;;
    bench)
      packages_of build
      echo libbenchmark-dev nginx-light wrk nghttp2-client postgresql-15 valgrind strace curl openssl \
        procps ;;
    package)
      packages_of build
      echo dpkg-dev ;;
    *)
      echo "setup: unknown group '$1' (build, test, bench, package)" >&2
      exit 2 ;;
  esac
}

optional_packages_of() {
  case "$1" in
    bench) echo linux-perf ;;
  esac
}

# An npm that did not come from Debian will do, and must not be replaced together with its Node.
is_installed() {
  [ "$1" = npm ] && command -v npm >/dev/null && return
  dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'
}

missing_of() {
  for package in "$@"; do
    is_installed "$package" || printf '%s ' "$package"
  done
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@"
}

# Debian starts a service when its package is installed, unless this file says no.
policy=/usr/sbin/policy-rc.d
policy_is_ours=no
forbid_services() {
  [ -e "$policy" ] && return
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
  policy_is_ours=yes
}
allow_services() {
  [ "$policy_is_ours" = no ] || as_root rm -f "$policy"
  policy_is_ours=no
}
trap allow_services EXIT

install_packages() {
  apt_get install -y -q --no-install-recommends "$@"
}

if [ $# -eq 0 ]; then
  echo "usage: tools/setup.sh build|test|bench|package ..." >&2
  exit 2
fi
wanted=""
optional=""
for group in "$@"; do
  names=$(packages_of "$group")
  wanted="$wanted $names"
  optional="$optional $(optional_packages_of "$group")"
done
# The lists are words without spaces: splitting them is meant.
# shellcheck disable=SC2086
missing=$(missing_of $wanted)
# shellcheck disable=SC2086
optional=$(missing_of $optional)
[ -n "$missing$optional" ] || exit 0

if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
  echo "setup: these packages are missing, and neither root nor sudo is here: $missing" >&2
  exit 1
fi

forbid_services
if [ -n "$missing" ]; then
  echo "setup: installing (a few minutes on a bare machine): $missing"
  # shellcheck disable=SC2086
  first=$(set -- $missing && echo "$1")
  apt-cache show "$first" >/dev/null 2>&1 || apt_get update -q
  # shellcheck disable=SC2086
  if ! install_packages $missing; then
    echo "setup: refreshing the package lists and trying once more"
    apt_get update -q
    # shellcheck disable=SC2086
    install_packages $missing
  fi
fi
for package in $optional; do
  install_packages "$package" >/dev/null 2>&1 ||
    echo "setup: $package is not available here; going on without it"
done
