#!/bin/sh
# version.sh: print the version, which is written in include/weft/version.h.
sed -n 's/^#define WEFT_VERSION "\(.*\)"$/\1/p' \
	"$(dirname "$0")/../include/weft/version.h" | tr -d '\n'
