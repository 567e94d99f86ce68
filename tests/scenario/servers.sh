# servers.sh: sourced after scenario.sh by scenarios that need real servers: a PostgreSQL and a Redis of their own, in the scenario's
# folder, on free ports of the loopback, ended with the scenario. Restarts keep the port and the data.
# shellcheck shell=bash disable=SC2034,SC2154 # what is set here is used by those that source it, and so is tmp

pg_bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
[ -x "${pg_bin:-}/postgres" ] || skip "there is no PostgreSQL server below /usr/lib/postgresql (Debian package postgresql)"
find_redis

# What nodes share that are to exchange mail.
fleet_key=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff

# as_postgres COMMAND...: PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
    else
        "$@"
    fi
}

# exec_as_postgres COMMAND...: the same in the place of this shell, so that a background job is the server itself.
exec_as_postgres() {
    if [ "$(id -u)" -eq 0 ]; then
        exec setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
    fi
    exec "$@"
}

# postgres_start: makes a cluster the first time; sets pg_port and DATABASE_URL.
postgres_start() {
    if [ -z "${pg_port:-}" ]; then
        take_port
        pg_port=$port
        pg_data=$tmp/postgres
        mkdir -p "$pg_data"
        chmod 0711 "$tmp"
        [ "$(id -u)" -ne 0 ] || chown postgres: "$pg_data"
        as_postgres "$pg_bin/initdb" -D "$pg_data" -U reelyard -A trust -E UTF8 --locale=C --no-sync >"$tmp/initdb.log" 2>&1 ||
            fail "initdb: $(tail -3 "$tmp/initdb.log")"
        cat >>"$pg_data/postgresql.conf" <<EOF
listen_addresses = '127.0.0.1'
port = $pg_port
unix_socket_directories = '$pg_data'
max_connections = 60
shared_buffers = 128MB
fsync = on
synchronous_commit = on
EOF
        export DATABASE_URL=postgresql://reelyard:secret@127.0.0.1:$pg_port/archive
    fi
    local name=$tmp/postgres.log
    exec_as_postgres "$pg_bin/postgres" -D "$pg_data" >>"$name" 2>&1 &
    pg_pid=$!
    await as_postgres "$pg_bin/pg_isready" -q -h 127.0.0.1 -p "$pg_port"
    psql_query postgres "SELECT 1 FROM pg_database WHERE datname = 'archive'" | grep -q 1 ||
        psql_query postgres "CREATE DATABASE archive" >/dev/null
}

# postgres_stop [fast|immediate]
postgres_stop() {
    local signal=INT
    [ "${1:-fast}" = fast ] || signal=QUIT
    kill -"$signal" "$pg_pid" 2>/dev/null || true
    wait "$pg_pid" 2>/dev/null || true
}

psql_query() { psql -X -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$pg_port" -U reelyard -d "$1" -c "$2"; }
# pg SQL: asks the archive.
pg() { psql_query archive "$1"; }

# redis_start [ARGUMENT...]: sets redis_port and REDIS_URL.
redis_start() {
    if [ -z "${redis_port:-}" ]; then
        take_port
        redis_port=$port
        mkdir -p "$tmp/redis"
        export REDIS_URL=redis://127.0.0.1:$redis_port/0
    fi
    "$redis_name-server" --port "$redis_port" --bind 127.0.0.1 --dir "$tmp/redis" --save '' --appendonly yes --appendfsync always "$@" \
        >>"$tmp/redis.log" 2>&1 &
    redis_pid=$!
    await redis PING
    await redis_loaded
}
redis_loaded() { [ "$(redis PING)" = PONG ]; }
redis_stop() {
    kill -"${1:-TERM}" "$redis_pid" 2>/dev/null || true
    wait "$redis_pid" 2>/dev/null || true
}
redis() { "$redis_name-cli" -p "$redis_port" "$@"; }
