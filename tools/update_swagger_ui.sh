#!/bin/sh
# Fetches the pinned Swagger UI with npm, checks it against the digest in its README, and puts its
# files into third_party/swagger-ui. To move to a newer one, change the two lines there first.
set -eu
cd "$(dirname "$0")/.."
folder=third_party/swagger-ui
package=$(sed -n 's/^ *\(swagger-ui-dist@[0-9.]*\)$/\1/p' $folder/README.md)
wanted=$(sed -n 's/^ *\(sha512-[A-Za-z0-9+/=]*\)$/\1/p' $folder/README.md)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

npm pack --silent --pack-destination "$work" "$package" >/dev/null
archive=$(echo "$work"/*.tgz)
got=sha512-$(openssl dgst -sha512 -binary "$archive" | base64 -w0)
if [ "$got" != "$wanted" ]; then
  echo "$package is $got, not $wanted" >&2
  exit 1
fi
tar -xzf "$archive" -C "$work"
for file in swagger-ui-bundle.js swagger-ui-bundle.js.LICENSE.txt swagger-ui.css LICENSE NOTICE; do
  cp "$work/package/$file" $folder/
done
echo "$package is in $folder"
