"""jobs.py ORIGIN GUILD CHANNEL MESSAGE CLIP: pushes one job of each kind but the purges by the bot's own code, to REDIS_URL."""
import asyncio
import sys

origin, guild, channel, message, clip = sys.argv[1:]
sys.path.insert(0, f"{origin}/python")

from shared.redis import redis as jobs  # noqa: E402
from shared.redis.redis_client import RedisStreamClient  # noqa: E402

place = {"guild_id": guild, "channel_id": channel}


async def main():
    client = RedisStreamClient()
    await client.connect()
    for job in (
        jobs.BatchScanJob(**place, direction="forward", limit=100, after_message_id=message),
        jobs.BatchScanJob(**place, before_message_id=message, auto_continue=False, rescan="update"),
        jobs.MessageScanJob(**place, message_ids=[message]),
        jobs.RescanJob(**place, reason="settings_changed", reset_scan_status=False),
        jobs.ThumbnailRetryJob(**place, clip_ids=[clip], retry_count=1),
        jobs.ThumbnailRetryJob(**place, clip_ids=[]),
        jobs.MessageDeletionJob(**place, message_id="1"),
    ):
        await client.push_job(job.model_dump(mode="json"))
    await client.disconnect()


asyncio.run(main())
