#!/usr/bin/env bash
# Tortoise ORM: of a database URL only the password is percent-decoded, and a + in it becomes a blank.
#
# One would guess: user, password and database are decoded alike, as RFC 3986 and libpq have it, and a + in a password is a +, since only
# forms encode blanks so. One would also guess that the parameters that Tortoise knows by name (max_size) are those that its manual
# gives (maxsize).
#
# What happens: user and database are passed on as they stand (us%40er asks the server for a user named us%40er), the password goes through
# unquote_plus. libpq and the same URL mean other credentials: a password with a + works in one of them alone, unless it is written as %2B.
# maxsize stays a text, and only max_size, which the pool does not take, becomes a number.
#
# Why it matters here: the bot's DATABASE_URL is read by two programs. User and database are decoded here; a + in a password is a blank
# only in asyncpg:// and psycopg://, which nobody but Tortoise reads.
#
# Seen with tortoise-orm 1.1.1:
#   1.1.1
#   user us%40er, password p@ss, database my%20db
#   password of a+b: 'a b'
#   maxsize '7', max_size 8
set -euo pipefail
command -v python3 >/dev/null || { echo "needs python3 with venv"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv" >/dev/null
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check tortoise-orm==1.1.1
cat >"$tmp/run.py" <<'PY'
import importlib.metadata
from tortoise.backends.base.config_generator import expand_db_url

def read(url):
    return expand_db_url(url)["credentials"]

print(importlib.metadata.version("tortoise-orm"))
c = read("postgres://us%40er:p%40ss@host/my%20db")
print(f"user {c['user']}, password {c['password']}, database {c['database']}")
print(f"password of a+b: {read('postgres://u:a+b@host/d')['password']!r}")
c = read("postgres://u:p@host/d?maxsize=7&max_size=8")
print(f"maxsize {c['maxsize']!r}, max_size {c['max_size']!r}")
PY
"$tmp/venv/bin/python" "$tmp/run.py" | tee "$tmp/out"
grep -qxF "user us%40er, password p@ss, database my%20db" "$tmp/out" || { echo "CHANGED: what is decoded"; exit 1; }
grep -qxF "password of a+b: 'a b'" "$tmp/out" || { echo "CHANGED: the +"; exit 1; }
grep -qxF "maxsize '7', max_size 8" "$tmp/out" || { echo "CHANGED: the pool's size"; exit 1; }
