// jobs.cjs BUNDLE GUILD CHANNEL MESSAGE [purge]: pushes jobs by the interface's own producers (a bundle made by bundle.sh) to REDIS_URL:
// all but the purges, or the purges.
const [bundle, guildId, channelId, message, purge] = process.argv.slice(2);
const jobs = require(bundle);

async function main() {
    if (purge) {
        await jobs.queueChannelPurge({ guildId, channelId });
        await jobs.queueGuildPurge({ guildId });
    } else {
        await jobs.startBatchScan({ guildId, channelId });
        for (const rescan of ["stop", "continue", "update"])
            await jobs.startBatchScan({ guildId, channelId, direction: "forward", afterMessageId: message, rescan });
        await jobs.startBatchScan({ guildId, channelId, direction: "backward", beforeMessageId: message, autoContinue: false });
        await jobs.queueMessageScan({ guildId, channelId, messageIds: [message] });
        await jobs.queueThumbnailCleanup({ timeoutMinutes: 60 });
        await jobs.queueThumbnailCleanup({});
        await jobs.getStreamInfo(guildId, "batch");
    }
    jobs.getRedis().disconnect();
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
