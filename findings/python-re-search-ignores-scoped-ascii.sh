#!/usr/bin/env bash
# Python's re: search() and match() disagree about a pattern that begins with a class under a scoped (?a:...) or (?u:...).
#
# One would guess: where match() finds a pattern at the beginning of a text, search() finds it there too. And that (?a:\W) means the same
# wherever it stands in a pattern.
#
# What happens: search() first looks for a character that the pattern can begin with, and that first set is computed with the flags of
# the whole pattern, not with those of the group. So a class whose meaning the group changes is looked for with its other meaning:
# re.search(r'(?a:\W)', 'ß') finds nothing, re.match(r'(?a:\W)', 'ß') matches, and with something optional in front, search() matches too.
# It also goes the other way round: (?a)(?u:\w) misses 'é'.
#
# Why it matters here: filters are Python patterns, translated for another engine. A comparison on random patterns showed these as
# differences, and it was Python that did not agree with itself.
#
# Seen with CPython 3.11.7 (a system's) and 3.13.2 (the npm package pyodide 0.28.3, used below):
#   3.13.2
#   (?a:\W) on 'ß': search False, match True, search behind x* True
#   (?a)(?u:\w) on 'é': search False, match True
set -euo pipefail
command -v npm >/dev/null && command -v node >/dev/null || { echo "needs node and npm"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm init -y >/dev/null
npm install --silent pyodide@0.28.3 >/dev/null

cat >run.mjs <<'JS'
import { loadPyodide } from 'pyodide';
const python = await loadPyodide();
console.log(python.runPython(`
import re, sys
s = [sys.version.split()[0]]
f = lambda how, pattern, text: bool(how(pattern, text))
s.append(r"(?a:\\W) on 'ß': search %s, match %s, search behind x* %s" % (
    f(re.search, r'(?a:\\W)', 'ß'), f(re.match, r'(?a:\\W)', 'ß'), f(re.search, r'x*(?a:\\W)', 'ß')))
s.append(r"(?a)(?u:\\w) on 'é': search %s, match %s" % (
    f(re.search, r'(?a)(?u:\\w)', 'é'), f(re.match, r'(?a)(?u:\\w)', 'é')))
"\\n".join(s)`));
JS
node run.mjs >out 2>err || { tail -c 500 err; exit 1; }
cat out
grep -qxF "(?a:\\W) on 'ß': search False, match True, search behind x* True" out || { echo "CHANGED: the scoped class"; exit 1; }
grep -qxF "(?a)(?u:\\w) on 'é': search False, match True" out || { echo "CHANGED: the scoped (?u:)"; exit 1; }
