#!/bin/sh
# mksysroot.sh ARCH DIR PACKAGE...: unpack packages of a foreign architecture
# and what they depend on into DIR.  The machine's own package database is left
# alone: libcriterion-dev of two architectures cannot be installed together.
set -eu
arch=$1 dir=$2
shift 2
apt=$dir.apt
# shellcheck disable=SC1091
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
[ -n "$mirror" ] ||
	mirror=$(sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' /etc/apt/sources.list 2>/dev/null | head -n 1)
[ -n "$mirror" ] || mirror=http://deb.debian.org/debian

rm -rf "$dir.new"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/etc" "$apt/state" "$dir.new"
: > "$apt/status"
cat > "$apt/etc/target.sources" <<X
Types: deb
URIs: $mirror
Suites: $suite $suite-updates
Components: main
Architectures: $arch
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
X
cat > "$apt/apt.conf" <<X
APT::Architecture "$arch";
APT::Architectures { "$arch"; };
APT::Install-Recommends "false";
APT::Get::Download-Only "true";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/etc";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
X
APT_CONFIG=$apt/apt.conf
export APT_CONFIG
apt-get update -qq
apt-get install -y -qq -d "$@" > /dev/null
for deb in "$apt"/cache/archives/*.deb; do
	dpkg-deb -x "$deb" "$dir.new"
done
rm -rf "$dir"
mv "$dir.new" "$dir"
rm -rf "$apt"
