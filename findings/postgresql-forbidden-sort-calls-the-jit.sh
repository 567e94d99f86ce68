#!/usr/bin/env bash
# PostgreSQL: to forbid a plan (enable_sort = off) can make the same query seconds slower although the plan is better, by the JIT compiler.
#
# One would guess: a step that is switched off is avoided where another one will do, and costs what it costs where none will. So a query
# of which one part must be sorted, and is never run, is as fast as before.
#
# What happens: a step that is switched off and cannot be avoided gets 10,000,000,000 added to its estimated cost (up to PostgreSQL 17). The
# estimate of the whole query is then far above jit_above_cost, jit_inline_above_cost and jit_optimize_above_cost (100,000; 500,000;
# 500,000), so all of it is compiled and optimized by LLVM before its first row, also parts that are never executed. A query of a
# millisecond takes hundreds of them. EXPLAIN ANALYZE shows the time as startup time of the first scan, and as "JIT" at the end.
#
# Why it matters here: the claim of clips is told to use what is sorted already, since without statistics the planner sorts a million
# rows; it became slower than before until jit was switched off with it.
#
# Seen with PostgreSQL 15.18 (Debian 12), LLVM 14:
#   enable_sort=on jit=on: JIT no, Execution Time: 0.241 ms
#   enable_sort=off jit=on: JIT yes, Execution Time: 143.045 ms
#   enable_sort=off jit=off: JIT no, Execution Time: 0.159 ms
set -euo pipefail
for bin in /usr/lib/postgresql/1[5-7]/bin; do :; done
[ -x "$bin/initdb" ] || { echo "needs PostgreSQL 15 to 17 (Debian package postgresql)"; exit 77; }
tmp=$(mktemp -d)
as=()
[ "$(id -u)" -ne 0 ] || { chown nobody "$tmp"; as=(setpriv --reuid=nobody --clear-groups env "HOME=$tmp"); }
trap '"${as[@]}" "$bin/pg_ctl" -D "$tmp/db" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$tmp"' EXIT
cd "$tmp"
"${as[@]}" "$bin/initdb" -D "$tmp/db" -A trust -U me >/dev/null
"${as[@]}" "$bin/pg_ctl" -D "$tmp/db" -l "$tmp/log" -o "-c listen_addresses= -c unix_socket_directories=$tmp -c autovacuum=off" -w start >/dev/null
ask() { "$bin/psql" -h "$tmp" -U me -d postgres -qAt "$@"; }
ask -c "SELECT version()" | cut -d' ' -f1-2
ask -c "SHOW jit" | grep -qx on || { echo "this server has no JIT"; exit 77; }
ask -c "CREATE TABLE t AS SELECT i AS a, -i AS b FROM generate_series(1, 1000) i"
for how in "on on" "off on" "off off"; do
    read -r sort jit <<<"$how"
    out=$(ask -c "SET enable_sort = $sort; SET jit = $jit; EXPLAIN (ANALYZE) SELECT * FROM t ORDER BY b LIMIT 3")
    compiled=no
    ! grep -q '^JIT:' <<<"$out" || compiled=yes
    echo "enable_sort=$sort jit=$jit: JIT $compiled, $(grep 'Execution Time' <<<"$out")"
    [ "$how" != "off on" ] || [ "$compiled" = yes ] || { echo "CHANGED: it is not compiled any more"; exit 1; }
    [ "$how" = "off on" ] || [ "$compiled" = no ] || { echo "CHANGED: it is compiled"; exit 1; }
done
