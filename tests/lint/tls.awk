# tls.awk: reads `objdump -d --no-show-raw-insn` of the shared library and fails
# if an address made from the thread pointer is held across a switch.
#
# A routine that is switched away may come back on another thread.  An address
# computed from the old thread's pointer is then the address of somebody else's
# variable, and nothing in C forbids a compiler to keep one.  So:
#
#   In any function, what was made from the thread pointer before a call that
#   can reach the switch must not be used after that call.
#
# Terms, for each function by itself, along its control flow:
#   made from    read of the thread pointer (%fs:0, tpidr_el0, tp), the result
#                of __tls_get_addr or __errno_location, and what is computed from
#                those by moves and arithmetic; registers and stack slots are
#                followed, a value loaded *through* such an address is not an
#                address of the thread and is free.
#   can reach    a call or tail jump to weft__arch_switch* or to a function that
#                can reach it; a call through a pointer can reach anything.
#                (Not in the functions that `handlers` names.)
#   used         any read of the register or slot after the call.
#
# Each place holds 0 nothing, 1 made from the thread pointer, 2 that and a
# switch has passed since.  A read of a 2 is the error.  States are joined where
# paths meet; the larger wins.

function hex(s,   i, n) {
	n = 0
	s = tolower(s)
	sub(/^0x/, "", s)
	for (i = 1; i <= length(s); i++)
		n = n * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
	return n
}
function base_name(s) {
	sub(/[-+]0x[0-9a-f]+$/, "", s)
	sub(/@.*/, "", s)
	sub(/\.(cold|part|constprop|isra)(\.[0-9]+)?.*$/, "", s)
	return s
}

# --- registers and operands ----------------------------------------------
function x86_reg(r) {
	sub(/^%/, "", r)
	if (r in alias)
		return alias[r]
	if (r ~ /^r[0-9]+[dwb]$/)
		return substr(r, 1, length(r) - 1)
	return r
}
function reg(r) {
	if (arch == "x86")
		return r ~ /^%/ ? x86_reg(r) : ""
	if (arch == "arm") {
		sub(/^w/, "x", r)
		return r ~ /^(x[0-9]+|sp|xzr)$/ ? r : ""
	}
	return r ~ /^(zero|ra|sp|gp|tp|[ast][0-9]+)$/ ? r : ""
}
# Splits operands at commas outside brackets into o[1..no].
function operands(s,   i, c, depth, cur) {
	no = 0
	cur = ""
	depth = 0
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (c == "(" || c == "[")
			depth++
		if (c == ")" || c == "]")
			depth--
		if (c == "," && !depth) {
			o[++no] = cur
			cur = ""
		} else if (c != " " && c != "\t" || cur != "")
			cur = cur c
	}
	if (cur != "")
		o[++no] = cur
	for (i = 1; i <= no; i++)
		gsub(/^[ \t]+|[ \t]+$/, "", o[i])
}
function is_mem(s) {
	return arch == "arm" ? s ~ /^\[/ : arch == "x86" ? s ~ /[(]|^%[fg]s:|^0x[0-9a-f]+$|^\*/ : s ~ /\(/
}
# The stack slot that a memory operand names, or "".
function slot(s) {
	if (arch == "arm") {
		if (s !~ /^\[(sp|x29)[],]/ || s ~ /x[0-9]+.*x[0-9]+/)
			return ""
		gsub(/[][# !]/, "", s)
		return s ~ /,/ ? s : s ",0"
	}
	if (arch == "x86")
		return s ~ /^-?(0x)?[0-9a-f]*\(%(rsp|rbp)\)$/ ? s : ""
	return s ~ /^-?[0-9]+\((sp|s0)\)$/ ? s : ""
}
function is_tp(s) {
	return s == "%fs:0x0" || s == "tpidr_el0" || s == "tp"
}

# --- the state: place -> 0, 1, 2 and where it came from --------------------
function load(s,   n, i, p, q) {
	split("", st)
	split("", org)
	n = split(s, p, " ")
	for (i = 1; i <= n; i++) {
		split(p[i], q, "=")
		st[q[1]] = q[2] + 0
		org[q[1]] = q[3]
	}
}
function save(   k, s) {
	s = ""
	for (k in st)
		if (st[k])
			s = s " " k "=" st[k] "=" org[k]
	return s
}
function join_into(i,   n, p, q, k, j, cur, changed, old) {
	n = split(in_state[i], p, " ")
	split("", old)
	split("", old_org)
	for (j = 1; j <= n; j++) {
		split(p[j], q, "=")
		old[q[1]] = q[2] + 0
		old_org[q[1]] = q[3]
	}
	changed = 0
	for (k in st)
		if (st[k] > old[k] + 0) {
			old[k] = st[k]
			old_org[k] = org[k]
			changed = 1
		}
	if (!changed)
		return
	cur = ""
	for (k in old)
		if (old[k])
			cur = cur " " k "=" old[k] "=" old_org[k]
	in_state[i] = cur
	if (!queued[i]) {
		queued[i] = 1
		queue[++tail] = i
	}
}
function set(place, v, from) {
	if (place == "")
		return
	st[place] = v
	org[place] = from
}
function stale(place, i) {
	if (place == "" || st[place] != 2 || reported[i])
		return
	reported[i] = 1
	print fn[i] ": " text[i]
	print "\tuses " place ", made from the thread pointer by"
	print "\t" text[org[place]]
	print "\tacross a call that can reach the switch"
	bad = 1
}
# Looks at every register inside an operand; returns what the operand holds.
function read_operand(s, i,   v, t, r, m) {
	m = is_mem(s)
	if (is_tp(s)) {
		src = i
		return 1
	}
	if (m && (r = slot(s)) != "") {
		stale(r, i)
		src = org[r]
		v = st[r] + 0
	} else
		v = 0
	t = s
	while (match(t, /%?[a-z][a-z0-9]*/)) {
		r = reg(substr(t, RSTART, RLENGTH))
		t = substr(t, RSTART + RLENGTH)
		if (r == "" || is_tp(r))
			continue
		stale(r, i)
		if (!m && st[r] > v) {
			v = st[r]
			src = org[r]
		}
	}
	return v
}
# What an address operand computes, for lea: the base and index registers.
function address_of(s, i,   v, t, r) {
	v = 0
	t = s
	while (match(t, /%?[a-z][a-z0-9]*/)) {
		r = reg(substr(t, RSTART, RLENGTH))
		t = substr(t, RSTART + RLENGTH)
		stale(r, i)
		if (r != "" && st[r] > v) {
			v = st[r]
			src = org[r]
		}
	}
	return v
}
function write_operand(s, v, i) {
	if (is_mem(s)) {
		if (slot(s) != "")
			set(slot(s), v, v ? src : 0)
	} else
		set(reg(s), v, v ? src : 0)
}
function next_slot(s, by,   p) {
	split(s, p, ",")
	return p[1] "," p[2] + by
}
function max(a, b) { return a > b ? a : b }

# --- one instruction -----------------------------------------------------
function step_x86(i,   op, v, k, last) {
	op = opcode[i]
	if (op ~ /^(nop|endbr64|ret|leave|hlt|ud2|j|cld|pause|lock$|mfence|lfence|sfence)/ || !no)
		return
	if (op ~ /^push/) {
		read_operand(o[1], i)
		return
	}
	if (op ~ /^pop/) {
		write_operand(o[1], 0, i)
		return
	}
	if (op == "rdfsbase") {
		src = i
		write_operand(o[1], 1, i)
		return
	}
	if (op ~ /^(cmp|test|ucomi|comi|prefetch|ldmxcsr|fldcw|bt$|btq|btl)/) {
		for (k = 1; k <= no; k++)
			read_operand(o[k], i)
		return
	}
	last = o[no]
	if (op ~ /^lea/) {
		v = address_of(o[1], i)
		write_operand(last, v, i)
		return
	}
	if (op ~ /^xor|^pxor|^sub|^sbb/ && no == 2 && o[1] == o[2]) {
		write_operand(last, 0, i)
		return
	}
	v = 0
	for (k = 1; k < no; k++)
		v = max(v, read_operand(o[k], i))
	if (op ~ /^(mov|set|cvt)/ && op !~ /^cmov/) {
		if (is_mem(last) && slot(last) == "")
			address_of(last, i)
		write_operand(last, v, i)
		return
	}
	if (op ~ /^xchg|^cmpxchg|^xadd/ && is_mem(last)) {
		address_of(last, i)
		write_operand(op ~ /^cmpxchg/ ? "%rax" : o[1], 0, i)
		return
	}
	v = max(v, read_operand(last, i))
	if (!is_mem(last))
		write_operand(last, v, i)
}
function step_arm(i,   op, v, k, s) {
	op = opcode[i]
	if (op ~ /^(nop|hint|bti|pac|aut|ret|b$|b\.|dmb|isb|brk|yield|msr|prfm)/ || !no)
		return
	if (op ~ /^(cb|tb|cmp|cmn|tst|ccmp|br$)/) {
		read_operand(o[1], i)
		if (no > 1 && op ~ /^c(mp|mn)|tst|ccmp/)
			read_operand(o[2], i)
		return
	}
	if (op ~ /^(ldr|ldur|ldar|ldp|ldax|ldx|ldrs)/) {
		s = op ~ /^ldp/ || op ~ /xp/ ? 3 : 2
		v = read_operand(o[s], i)
		k = slot(o[s])
		write_operand(o[1], k != "" ? v : 0, i)
		if (s == 3) {
			v = k != "" ? st[next_slot(k, 8)] + 0 : 0
			if (v) {
				stale(next_slot(k, 8), i)
				src = org[next_slot(k, 8)]
			}
			write_operand(o[2], v, i)
		}
		return
	}
	if (op ~ /^(str|stur|stlr|stp)/) {
		s = op == "stp" ? 3 : 2
		v = read_operand(o[1], i)
		if (slot(o[s]) == "")
			read_operand(o[s], i)
		write_operand(o[s], v, i)
		if (s == 3) {
			v = read_operand(o[2], i)
			if (slot(o[3]) != "")
				set(next_slot(slot(o[3]), 8), v, v ? src : 0)
		}
		return
	}
	for (k = 1; k <= no && !is_mem(o[k]); k++)
		;
	if (k <= no) {
		# exclusive stores and single-instruction atomics
		for (k = 2; k <= no; k++)
			read_operand(o[k], i)
		write_operand(op ~ /^(st|cas)/ ? o[1] : o[2], 0, i)
		return
	}
	v = 0
	for (k = 2; k <= no; k++)
		v = max(v, read_operand(o[k], i))
	if (op == "movk")
		v = max(v, read_operand(o[1], i))
	write_operand(o[1], v, i)
}
function step_riscv(i,   op, v, k) {
	op = opcode[i]
	if (op ~ /^(nop|ret|j$|fence|ebreak|ecall|unimp)/ || !no)
		return
	if (op ~ /^(b|jr)/) {
		for (k = 1; k <= no; k++)
			read_operand(o[k], i)
		return
	}
	if (op ~ /^s[bhwd]$|^fs[wd]$/) {
		v = read_operand(o[1], i)
		if (slot(o[2]) == "")
			read_operand(o[2], i)
		write_operand(o[2], v, i)
		return
	}
	v = 0
	for (k = 2; k <= no; k++) {
		if (is_mem(o[k])) {
			v = read_operand(o[k], i)
			if (slot(o[k]) == "")
				v = 0
			break
		}
		v = max(v, read_operand(o[k], i))
	}
	write_operand(o[1], v, i)
}
function after_call(i,   k) {
	for (k in st)
		if (k in scratch || k ~ /^(xmm|ymm)/)
			delete st[k]
	if (switches[i])
		for (k in st)
			if (st[k] == 1)
				st[k] = 2
	if (callee[i] ~ /^(__tls_get_addr|__errno_location)$/)
		set(result, 1, i)
}

BEGIN {
	n = 0
	split("rax rbx rcx rdx rsi rdi rbp rsp", r64, " ")
	split("eax ebx ecx edx esi edi ebp esp", r32, " ")
	split("ax bx cx dx si di bp sp", r16, " ")
	split("al bl cl dl sil dil bpl spl", r8, " ")
	for (i = 1; i <= 8; i++)
		alias[r32[i]] = alias[r16[i]] = alias[r8[i]] = r64[i]
}
/file format/ {
	arch = /x86-64/ ? "x86" : /aarch64/ ? "arm" : /riscv/ ? "riscv" : ""
	if (arch == "") {
		print "tls: cannot read " $0
		exit 99
	}
	list = "rax rcx rdx rsi rdi r8 r9 r10 r11"
	result = "rax"
	if (arch == "arm") {
		list = ""
		for (i = 0; i <= 18; i++)
			list = list " x" i
		result = "x0"
	}
	if (arch == "riscv") {
		list = "t0 t1 t2 t3 t4 t5 t6 a0 a1 a2 a3 a4 a5 a6 a7"
		result = "a0"
	}
	k = split(list, p, " ")
	for (i = 1; i <= k; i++)
		scratch[p[i]] = 1
	next
}
/^[0-9a-f]+ <.*>:$/ {
	cur = $2
	gsub(/^<|>:$/, "", cur)
	plt = cur ~ /@plt$/
	cur = base_name(cur)
	next
}
# Stubs only lead on; what they lead to is in their name.
plt || cur == "" || cur == ".plt" || cur == "_PROCEDURE_LINKAGE_TABLE_" { next }
/^ *[0-9a-f]+:\t/ {
	line = $0
	sub(/^ */, "", line)
	a = line
	sub(/:.*/, "", a)
	sub(/^[^\t]*\t/, "", line)
	sub(/^(lock|rep|repz|repnz|notrack|bnd|data16|cs|ds|rex\.W|addr32|xacquire|xrelease)[ \t]+/, "", line)
	sub(/^(lock|rep|repz|notrack|data16|rex\.W)[ \t]+/, "", line)
	if (line ~ /^(\.|\(bad\))/ || line == "")
		next
	n++
	full = line
	gsub(/[ \t]+/, " ", full)
	text[n] = a ": " full
	fn[n] = cur
	at[a] = n
	op = line
	sub(/[ \t].*/, "", op)
	rest = substr(line, length(op) + 1)
	opcode[n] = op
	sym = ""
	if (match(rest, /<[^>]*>/))
		sym = substr(rest, RSTART + 1, RLENGTH - 2)
	sub(/[ \t]*(#|\/\/).*/, "", rest)
	sub(/<.*/, "", rest)
	gsub(/^[ \t]+|[ \t]+$/, "", rest)
	args[n] = rest
	kind[n] = ""
	to[n] = ""
	if (arch == "x86") {
		if (op ~ /^call/)
			kind[n] = "call"
		else if (op ~ /^jmp/)
			kind[n] = "jump"
		else if (op ~ /^j/)
			kind[n] = "branch"
		else if (op ~ /^(ret|hlt|ud2)/)
			kind[n] = "end"
	} else if (arch == "arm") {
		if (op == "bl" || op ~ /^blr/)
			kind[n] = "call"
		else if (op == "b" || op ~ /^br(a|$)/ && op != "brk")
			kind[n] = "jump"
		else if (op ~ /^(b\.|cb|tb)/)
			kind[n] = "branch"
		else if (op ~ /^(ret|udf|brk)/)
			kind[n] = "end"
	} else {
		if (op == "jal" || op == "jalr")
			kind[n] = "call"
		else if (op == "j" || op == "jr")
			kind[n] = "jump"
		else if (op ~ /^b/)
			kind[n] = "branch"
		else if (op ~ /^(ret|unimp|ebreak)/)
			kind[n] = "end"
	}
	if (kind[n] ~ /call|jump|branch/) {
		target = rest
		sub(/.*[ ,]/, "", target)
		indirect = arch == "x86" ? rest ~ /\*/ : op ~ /r$|^bra|^blra/
		if (!indirect && target ~ /^(0x)?[0-9a-f]+$/)
			to[n] = target
		sub(/^0x/, "", to[n])
		callee[n] = sym != "" ? base_name(sym) : "?"
		if (sym ~ /_GLOBAL_OFFSET_TABLE_/)
			callee[n] = "?"
	}
	next
}
END {
	if (!n) {
		print "tls: nothing disassembled"
		exit 99
	}
	# Who can reach the switch: backwards over calls and tail jumps.
	for (i = 1; i <= n; i++) {
		if (fn[i] ~ /^weft__arch_switch/) {
			reach[fn[i]] = 1
			found = 1
		}
		if ((kind[i] == "call" || kind[i] == "jump") && callee[i] != fn[i])
			callers[callee[i]] = callers[callee[i]] " " fn[i]
	}
	if (!found) {
		print "tls: no weft__arch_switch in the library"
		exit 99
	}
	# A jump through a pointer may be a tail call as well as a jump table.
	reach["?"] = 1
	top = 0
	for (f in reach)
		stack[++top] = f
	while (top) {
		k = split(callers[stack[top--]], p, " ")
		for (i = 1; i <= k; i++)
			if (!(p[i] in reach)) {
				reach[p[i]] = 1
				stack[++top] = p[i]
			}
	}
	for (i = 1; i <= n; i++)
		switches[i] = kind[i] == "call" && (callee[i] in reach) &&
			!index(" " handlers " ", " " fn[i] " ")
	# Where a jump table may lead: starts of code that nothing falls into.
	for (i = 1; i <= n; i++)
		if (to[i] != "" && (to[i] in at))
			targeted[at[to[i]]] = 1
	for (i = 1; i < n; i++)
		if (kind[i] ~ /jump|end/ && fn[i] == fn[i + 1] && !targeted[i + 1])
			orphan[fn[i]] = orphan[fn[i]] " " i + 1
	tail = 0
	for (i = 1; i <= n; i++) {
		queued[i] = 1
		queue[++tail] = i
	}
	for (head = 1; head <= tail; head++) {
		i = queue[head]
		delete queue[head]
		queued[i] = 0
		load(in_state[i])
		operands(args[i])
		src = 0
		if (kind[i] == "call") {
			if (callee[i] == "?")
				read_operand(args[i], i)
			after_call(i)
		} else if (arch == "x86")
			step_x86(i)
		else if (arch == "arm")
			step_arm(i)
		else
			step_riscv(i)
		if (kind[i] !~ /jump|end/ && i < n && fn[i + 1] == fn[i])
			join_into(i + 1)
		if (kind[i] ~ /jump|branch/) {
			if (to[i] != "" && (to[i] in at) && fn[at[to[i]]] == fn[i])
				join_into(at[to[i]])
			else if (to[i] == "") {
				k = split(orphan[fn[i]], p, " ")
				for (j = 1; j <= k; j++)
					join_into(p[j])
			}
		}
	}
	if (verbose) {
		k = 0
		for (f in reach)
			k++
		print "tls: " n " instructions, " k " functions can reach the switch"
	}
	exit bad
}
