#!/bin/sh
# Check the models with spin: as they stand they must hold; with one rule broken
# (each -D below) they must be refuted, which shows that they can fail.
# Exit 77: spin or a C compiler is missing.
command -v spin >/dev/null || { echo "no spin"; exit 77; }
CC=${CC:-cc}
command -v "${CC%% *}" >/dev/null || { echo "no C compiler"; exit 77; }
# The checker is built and run here, so a cross compiler is of no use.
case ${TEST_WRAPPER-} in
?*) echo "not run under $TEST_WRAPPER"; exit 77 ;;
esac
models=$(cd "$(dirname "$0")" && pwd) || exit 99
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 99
rc=0

# check MODEL WANTED [-D...]: WANTED is holds or refuted
check()
{
	model=$1
	wanted=$2
	shift 2
	rm -f pan* *.trail
	if ! spin "$@" -a "$models/$model.pml" > log 2>&1 ||
	   ! $CC -O0 -w -DSAFETY -DMEMLIM=1000 -o pan pan.c >> log 2>&1; then
		cat log
		exit 99
	fi
	./pan -m1000000 > out 2>&1
	got=unclear
	if grep -q 'errors: 0' out && ! grep -qE 'too small|limit' out; then
		got=holds
	elif grep -qE 'assertion violated|invalid end state' out; then
		got=refuted
	fi
	echo "$model $*: $got"
	[ $got = "$wanted" ] && return
	rc=1
	echo "$model $*: expected $wanted"
	cat out
	if [ -f "$model.pml.trail" ]; then
		spin "$@" -t -p "$models/$model.pml" | tail -n 60
	fi
}

check idle holds
for rule in SKIP_LAST_LOOK SKIP_LAST_SEARCH SKIP_AGAIN SKIP_ARMED SKIP_DUTY \
	    SKIP_SLEEPERS; do
	check idle refuted -D$rule
done
check watch holds
for rule in SKIP_TOKEN SKIP_TURN SKIP_OPENED SKIP_KICK SKIP_WAIT; do
	check watch refuted -D$rule
done
for kind in CHAN PERMIT JOIN; do
	check park holds -D$kind
	for rule in UNLOCK_EARLY NO_CLAIM NO_STOP; do
		check park refuted -D$kind -D$rule
	done
done
check park refuted -DPERMIT -DNO_PERMIT
check park refuted -DJOIN -DNO_FORGET
check cancel holds -DRUN
for rule in NO_LOOK LOOK_EARLY CANCEL_LATE OPEN_EARLY OPEN_LATE TOUCH_FIRST \
	    NO_CAS NO_STOP; do
	check cancel refuted -DRUN -D$rule
done
check cancel holds -DSTOP
for rule in NO_SEAL READY_LATE; do
	check cancel refuted -DSTOP -D$rule
done
check mutex holds
for rule in STALE_WOKEN FREE_UNDER NO_WAKE FREE_FIRST; do
	check mutex refuted -D$rule
done
check rwlock holds
for rule in NO_LOOK NO_COUNT NO_STOP BOTH_PASS NONE_PASS GATE_LAST \
	    SUBTRACT; do
	check rwlock refuted -D$rule
done
exit $rc
