-- 0004_refused: rows that the database refused for their own data, until they go in or are purged.
CREATE TABLE reelyard_refused (
    channel_id TEXT NOT NULL,
    tab TEXT NOT NULL,
    key TEXT NOT NULL,
    guild_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    refused_at TEXT NOT NULL,
    PRIMARY KEY (channel_id, tab, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX reelyard_refused_guild_id ON reelyard_refused (guild_id);
CREATE INDEX reelyard_refused_refused_at ON reelyard_refused (refused_at);
