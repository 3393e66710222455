#!/bin/sh
# Packs build/keywright into build/package/keywright_<version>_<architecture>.deb. Tests name
# another program (KEYWRIGHT_BIN), another folder (PACKAGE_FOLDER) and version (PACKAGE_VERSION).
set -eu
cd "$(dirname "$0")/.."

program=$(readlink -f "${KEYWRIGHT_BIN:-build/keywright}")
version=${PACKAGE_VERSION:-$(cat VERSION)}
architecture=$(dpkg --print-architecture)
work=${PACKAGE_FOLDER:-build/package}
root=$work/root
rm -rf "$work"
mkdir -p "$root/DEBIAN"

install -D -m 0755 "$program" "$root/usr/bin/keywright"
strip --strip-unneeded "$root/usr/bin/keywright"
install -D -m 0644 packaging/systemd/keywright.service \
  "$root/lib/systemd/system/keywright.service"
install -D -m 0640 packaging/default "$root/etc/default/keywright"
mkdir -p "$root/usr/share/man/man1" "$root/usr/share/bash-completion/completions" \
  "$root/usr/share/zsh/vendor-completions" "$root/usr/share/fish/vendor_completions.d"
"$program" help --man | gzip -9n >"$root/usr/share/man/man1/keywright.1.gz"
"$program" completion bash >"$root/usr/share/bash-completion/completions/keywright"
"$program" completion zsh >"$root/usr/share/zsh/vendor-completions/_keywright"
"$program" completion fish >"$root/usr/share/fish/vendor_completions.d/keywright.fish"
for page in README.md CHANGELOG.md SECURITY.md; do
  install -D -m 0644 "$page" "$root/usr/share/doc/keywright/$page"
done
install -D -m 0644 packaging/prometheus/rules.yaml \
  "$root/usr/share/doc/keywright/examples/prometheus-rules.yaml"
install -D -m 0644 packaging/grafana/keywright.json \
  "$root/usr/share/doc/keywright/examples/grafana-dashboard.json"
install -D -m 0644 packaging/copyright "$root/usr/share/doc/keywright/copyright"
for script in postinst prerm postrm; do
  install -m 0755 "packaging/scripts/$script" "$root/DEBIAN/$script"
done
echo /etc/default/keywright >"$root/DEBIAN/conffiles"

# dpkg-shlibdeps wants a source package's control file to stand in.
mkdir -p "$work/shlibdeps/debian"
printf 'Source: keywright\nPackage: keywright\nArchitecture: any\n' \
  >"$work/shlibdeps/debian/control"
libraries=$(cd "$work/shlibdeps" && dpkg-shlibdeps -O ../root/usr/bin/keywright 2>/dev/null |
  sed -n 's/^shlibs:Depends=//p')
[ -n "$libraries" ] || { echo "package: dpkg-shlibdeps found no libraries" >&2; exit 1; }

cat >"$root/DEBIAN/control" <<CONTROL
Package: keywright
Version: $version
Architecture: $architecture
Section: net
Priority: optional
Depends: adduser, $libraries
Recommends: ca-certificates
Installed-Size: $(du -ks "$root/usr" | cut -f1)
Maintainer: Keywright maintainers <maintainers@keywright.invalid>
Description: keeps and checks API keys
 One program that creates, checks, rotates and revokes API keys, with a web
 console and a command line. A revoked key is refused by the next request.
CONTROL

package=$work/keywright_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$root" "$package" >/dev/null
rm -rf "$root" "$work/shlibdeps"
echo "package: $package"
