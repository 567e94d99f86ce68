"""asyncpg_peer.py DSN ROWS: the old worker's way of storing messages, for pg_bench to be measured against.

executemany of one upsert in batches of 100, each batch a transaction, on one connection; prints rows a second of a first
scan and of a second one that changes nothing. The tables and the guild, channel 1 and 2, are there already.
"""
import asyncio
import datetime
import sys
import time

import asyncpg

BATCH = 100
UPSERT = """
INSERT INTO message (id, guild_id, channel_id, author_id, content, timestamp, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, now(), now())
ON CONFLICT (id) DO UPDATE SET author_id = excluded.author_id, content = excluded.content,
    timestamp = excluded.timestamp, updated_at = now()
"""


def rows_of(first, count):
    posted = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    for number in range(first, first + count):
        yield (str(10**17 + number), "1", "2", str(10**16 + number % 100),
               "a message of a length that people write, number %d" % number,
               posted + datetime.timedelta(seconds=number))


async def scan(connection, total):
    began = time.perf_counter()
    for first in range(0, total, BATCH):
        async with connection.transaction():
            await connection.executemany(UPSERT, list(rows_of(first, min(BATCH, total - first))))
    return total / (time.perf_counter() - began)


async def main(dsn, total):
    connection = await asyncpg.connect(dsn)
    try:
        for name in ("first", "again"):
            print("%s %.0f" % (name, await scan(connection, total)), flush=True)
    finally:
        await connection.close()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
