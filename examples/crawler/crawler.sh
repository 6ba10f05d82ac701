#!/bin/sh
# Pages of our own, served by httpd: the broken links are those that we broke.
# testlib.sh and serverlib.sh set what is not set here.
# shellcheck disable=SC2154

. "${srcdir:-.}/examples/testlib.sh"
. "${srcdir:-.}/examples/serverlib.sh"
[ -x examples/httpd/httpd ] || skip "examples/httpd is not built"

www=$tmp/www
mkdir -p "$www/deep/er"
cat > "$www/index.html" <<-'EOF'
	<a href="a.html">a</a> <A HREF='deep/'>d</A> <img src=pic.png>
	<a href="gone.html#part">x</a> <!-- <a href="comment.html"> -->
	<a href="http://weft.invalid/">elsewhere</a> <a href="mailto:x@y">mail</a>
	<a href="?q=1&amp;r=2">query</a> <a href="#top">here</a> <a href="deep">slash</a>
EOF
echo '<a href=../../a.html></a><a href="./../gone.png">' > "$www/deep/er/index.html"
echo '<a href="er/">' > "$www/deep/index.html"
echo '<a href="index.html">back</a>' > "$www/a.html"
echo picture > "$www/pic.png"
i=0
while [ $i -lt "$(scale 500 500 50)" ]; do
	echo "<a href=\"$((i + 1)).html\">next</a><a href=/a.html>a</a>" > "$www/$i.html"
	i=$((i + 1))
done
echo '<a href="0.html">many</a>' >> "$www/a.html"

start ./examples/httpd/httpd -p 0 "$www"
url=${line##* at }
out=$(run "$url")
same 1 $? "exit status"
echo "$out"
cat > "$tmp/want" <<-EOF
	broken: $url$i.html: 404, linked from $url$((i - 1)).html
	broken: ${url}deep/gone.png: 404, linked from ${url}deep/er/
	broken: ${url}gone.html: 404, linked from $url
	$((i + 12)) links, 3 broken, 1 to other hosts left out
EOF
echo "$out" | diff -u "$tmp/want" - || fail "it found other links"

rm "$www/$((i - 1)).html" "$www/deep/er/index.html"
echo ok > "$www/$((i - 1)).html"
echo ok > "$www/gone.html"
echo ok > "$www/deep/er/index.html"
out=$(run -j 2 "$url") || fail "broken links: $out"
stop "$pid" "$reader"
# A port that nobody is given by chance.
run http://127.0.0.1:1/ | grep -q 'Connection refused' || fail "nobody is there"
