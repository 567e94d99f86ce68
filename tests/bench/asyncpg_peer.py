"""asyncpg_peer.py ADDRESS MESSAGES: the old worker's way of storing messages, for pg_bench.

executemany in batches of 100, a transaction each, with the same rows as pg_bench.c makes. Prints the seconds it took,
rows made beforehand and the connection opened beforehand.
"""

import asyncio
import datetime
import sys
import time

import asyncpg

BATCH = 100
FIRST_ID = 1297213456789012480
STATEMENT = """INSERT INTO message (id, guild_id, channel_id, author_id, content, timestamp)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET content = excluded.content,
    author_id = excluded.author_id, timestamp = excluded.timestamp, updated_at = now()"""


def row(i):
    """The row of message number i."""
    posted = datetime.datetime.fromtimestamp(1600000000 + i, datetime.timezone.utc)
    return (
        str(FIRST_ID + i * 4194304),
        "41771983423143937",
        "1424914917202464798",
        f"1759288472991{i % 500:05d}",
        f"that was the round of the evening, number {i}",
        posted,
    )


async def main(address, messages):
    """Writes them all and says how long it took."""
    rows = [row(i) for i in range(messages)]
    connection = await asyncpg.connect(address)
    began = time.monotonic()
    for first in range(0, messages, BATCH):
        async with connection.transaction():
            await connection.executemany(STATEMENT, rows[first : first + BATCH])
    print(time.monotonic() - began)
    await connection.close()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
