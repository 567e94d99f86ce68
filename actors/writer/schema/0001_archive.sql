-- 0001_archive: the archive's tables as the web interface reads them, and reelyard's own beside them.
--
-- Names and columns are the interface's; types are SQLite's. Times are TEXT, ISO 8601 in UTC with milliseconds
-- ('2024-10-19T15:03:09.159Z'): every one has the same width, so they sort and compare as they are (docs/adr). Truth
-- values are 0 and 1. Widths are checked here because SQLite would take any. Rows keep their rowid: it is the order in
-- which clips came, which is the order in which they are worked on.

CREATE TABLE "user" (
    id TEXT NOT NULL PRIMARY KEY,
    username TEXT NOT NULL CHECK (length(username) <= 32),
    discriminator TEXT NOT NULL CHECK (length(discriminator) <= 4),
    avatar_url TEXT,
    roles TEXT NOT NULL DEFAULT 'user' CHECK (length(roles) <= 20),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE TABLE guild (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT REFERENCES "user" (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) <= 100),
    icon_url TEXT,
    message_scan_enabled INTEGER NOT NULL DEFAULT 0 CHECK (message_scan_enabled IN (0, 1)),
    last_message_scan_at TEXT,
    purge_cooldown TEXT,
    deleted_at TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;
CREATE INDEX ix_guild_owner_id ON guild (owner_id);

CREATE TABLE guild_settings (
    id INTEGER NOT NULL PRIMARY KEY,
    guild_id TEXT NOT NULL UNIQUE REFERENCES guild (id) ON DELETE CASCADE,
    default_channel_settings TEXT CHECK (default_channel_settings IS NULL OR json_valid(default_channel_settings)),
    settings TEXT CHECK (settings IS NULL OR json_valid(settings)),
    settings_hash TEXT CHECK (length(settings_hash) <= 32),
    deleted_at TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE TABLE channel (
    id TEXT NOT NULL PRIMARY KEY,
    guild_id TEXT NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) <= 100),
    type TEXT NOT NULL DEFAULT 'text' CHECK (type IN ('text', 'voice', 'category', 'forum')),
    position INTEGER NOT NULL DEFAULT 0,
    parent_id TEXT,
    topic TEXT,
    nsfw INTEGER NOT NULL DEFAULT 0 CHECK (nsfw IN (0, 1)),
    message_scan_enabled INTEGER NOT NULL DEFAULT 0 CHECK (message_scan_enabled IN (0, 1)),
    last_channel_sync_at TEXT,
    next_allowed_channel_sync_at TEXT,
    channel_sync_cooldown_level INTEGER NOT NULL DEFAULT 0,
    purge_cooldown TEXT,
    deleted_at TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    UNIQUE (guild_id, id)
) STRICT;
CREATE INDEX ix_channel_guild_id_message_scan_enabled ON channel (guild_id, message_scan_enabled);

CREATE TABLE channel_settings (
    id INTEGER NOT NULL PRIMARY KEY,
    channel_id TEXT NOT NULL UNIQUE REFERENCES channel (id) ON DELETE CASCADE,
    settings TEXT CHECK (settings IS NULL OR json_valid(settings)),
    settings_hash TEXT CHECK (length(settings_hash) <= 32),
    deleted_at TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE TABLE channel_scan_status (
    id INTEGER NOT NULL PRIMARY KEY,
    guild_id TEXT NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
    channel_id TEXT NOT NULL UNIQUE REFERENCES channel (id) ON DELETE CASCADE,
    status TEXT NOT NULL DEFAULT 'QUEUED'
        CHECK (status IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
    forward_message_id TEXT,
    backward_message_id TEXT,
    message_count INTEGER NOT NULL DEFAULT 0,
    total_messages_scanned INTEGER NOT NULL DEFAULT 0,
    error_message TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    UNIQUE (guild_id, channel_id)
) STRICT;
CREATE INDEX ix_channel_scan_status_channel_id ON channel_scan_status (channel_id);
CREATE INDEX ix_channel_scan_status_guild_id_status ON channel_scan_status (guild_id, status);

CREATE TABLE author (
    id INTEGER NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    guild_id TEXT NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
    username TEXT NOT NULL CHECK (length(username) <= 32),
    discriminator TEXT NOT NULL CHECK (length(discriminator) <= 4),
    avatar_url TEXT,
    nickname TEXT CHECK (length(nickname) <= 32),
    display_name TEXT CHECK (length(display_name) <= 32),
    guild_avatar_url TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    UNIQUE (user_id, guild_id)
) STRICT;
CREATE INDEX ix_author_guild_id ON author (guild_id);

CREATE TABLE message (
    id TEXT NOT NULL PRIMARY KEY,
    guild_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    author_id TEXT NOT NULL,
    content TEXT,
    timestamp TEXT NOT NULL,
    deleted_at TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    UNIQUE (guild_id, channel_id, id)
) STRICT;
CREATE INDEX ix_message_channel_id_timestamp ON message (channel_id, timestamp);
CREATE INDEX ix_message_guild_id_channel_id ON message (guild_id, channel_id);
-- The gallery walks the whole archive from the newest message down.
CREATE INDEX reelyard_message_timestamp ON message (timestamp);

CREATE TABLE clip (
    id TEXT NOT NULL PRIMARY KEY,
    message_id TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    guild_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    author_id TEXT NOT NULL,
    title TEXT CHECK (length(title) <= 255),
    visibility TEXT NOT NULL DEFAULT 'PUBLIC' CHECK (visibility IN ('PUBLIC', 'UNLISTED', 'PRIVATE')),
    filename TEXT NOT NULL CHECK (length(filename) BETWEEN 1 AND 255),
    file_size INTEGER NOT NULL,
    mime_type TEXT NOT NULL CHECK (length(mime_type) BETWEEN 1 AND 50),
    duration REAL,
    resolution TEXT CHECK (length(resolution) <= 20),
    settings_hash TEXT CHECK (length(settings_hash) <= 32),
    cdn_url TEXT NOT NULL CHECK (cdn_url <> ''),
    expires_at TEXT NOT NULL,
    thumbnail_status TEXT NOT NULL DEFAULT 'pending'
        CHECK (thumbnail_status IN ('pending', 'processing', 'completed', 'failed')),
    deleted_at TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    UNIQUE (guild_id, channel_id, message_id, id)
) STRICT;
CREATE INDEX ix_clip_channel_id_created_at ON clip (channel_id, created_at);
CREATE INDEX ix_clip_guild_id_channel_id ON clip (guild_id, channel_id);
CREATE INDEX ix_clip_thumbnail_status ON clip (thumbnail_status);
CREATE INDEX ix_clip_expires_at ON clip (expires_at);
-- Failed clips by id, for the list of failures; holds nothing else, so it costs nothing else.
CREATE INDEX reelyard_clip_failed ON clip (id) WHERE thumbnail_status = 'failed';
-- A message's clips: for the gallery, and for the cascade when a message is deleted.
CREATE INDEX reelyard_clip_message_id ON clip (message_id);

CREATE TABLE thumbnail (
    id TEXT NOT NULL PRIMARY KEY,
    clip_id TEXT NOT NULL REFERENCES clip (id) ON DELETE CASCADE,
    size_type TEXT NOT NULL CHECK (size_type IN ('small', 'large')),
    storage_path TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    file_size INTEGER NOT NULL,
    mime_type TEXT NOT NULL DEFAULT 'image/webp' CHECK (length(mime_type) <= 20),
    deleted_at TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    UNIQUE (clip_id, size_type)
) STRICT;

CREATE TABLE failed_thumbnail (
    id TEXT NOT NULL PRIMARY KEY,
    clip_id TEXT NOT NULL REFERENCES clip (id) ON DELETE CASCADE,
    error_message TEXT NOT NULL,
    retry_count INTEGER NOT NULL DEFAULT 0,
    last_attempted_at TEXT,
    next_retry_at TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;
CREATE INDEX ix_failed_thumbnail_next_retry_at ON failed_thumbnail (next_retry_at);
CREATE INDEX reelyard_failed_thumbnail_clip_id ON failed_thumbnail (clip_id);

-- ---- reelyard's own ----------------------------------------------------------------------------------------------

-- The largest lease token that has written for a job; a smaller one is refused. Tokens of 1 need no row: none is
-- smaller.
CREATE TABLE reelyard_fence (
    job_id TEXT NOT NULL PRIMARY KEY,
    token INTEGER NOT NULL,
    updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX reelyard_fence_updated_at ON reelyard_fence (updated_at);

-- Who works on a clip and until when, and how many claims of it came to no end. owner NULL: it was given back.
CREATE TABLE reelyard_clip_lease (
    clip_id TEXT NOT NULL PRIMARY KEY REFERENCES clip (id) ON DELETE CASCADE,
    owner TEXT,
    lease_until TEXT NOT NULL,
    attempts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Folders below which file URLs of clips may point.
CREATE TABLE reelyard_media_root (
    path TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- The archive's figures, kept by triggers so that asking costs one row however large the archive is, and so that they
-- stay right whoever changes the tables.
CREATE TABLE reelyard_totals (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    guilds INTEGER NOT NULL DEFAULT 0,
    channels INTEGER NOT NULL DEFAULT 0,
    authors INTEGER NOT NULL DEFAULT 0,
    messages INTEGER NOT NULL DEFAULT 0,
    clips_pending INTEGER NOT NULL DEFAULT 0,
    clips_processing INTEGER NOT NULL DEFAULT 0,
    clips_completed INTEGER NOT NULL DEFAULT 0,
    clips_failed INTEGER NOT NULL DEFAULT 0,
    thumbnails INTEGER NOT NULL DEFAULT 0,
    bytes_videos INTEGER NOT NULL DEFAULT 0,
    bytes_thumbnails INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO reelyard_totals (id) VALUES (1);

CREATE TRIGGER reelyard_guild_in AFTER INSERT ON guild BEGIN
    UPDATE reelyard_totals SET guilds = guilds + 1;
END;
CREATE TRIGGER reelyard_guild_out AFTER DELETE ON guild BEGIN
    UPDATE reelyard_totals SET guilds = guilds - 1;
END;
CREATE TRIGGER reelyard_channel_in AFTER INSERT ON channel BEGIN
    UPDATE reelyard_totals SET channels = channels + 1;
END;
CREATE TRIGGER reelyard_channel_out AFTER DELETE ON channel BEGIN
    UPDATE reelyard_totals SET channels = channels - 1;
END;
CREATE TRIGGER reelyard_author_in AFTER INSERT ON author BEGIN
    UPDATE reelyard_totals SET authors = authors + 1;
END;
CREATE TRIGGER reelyard_author_out AFTER DELETE ON author BEGIN
    UPDATE reelyard_totals SET authors = authors - 1;
END;
CREATE TRIGGER reelyard_message_in AFTER INSERT ON message BEGIN
    UPDATE reelyard_totals SET messages = messages + 1;
END;
CREATE TRIGGER reelyard_message_out AFTER DELETE ON message BEGIN
    UPDATE reelyard_totals SET messages = messages - 1;
END;

-- Clips that somebody deleted (deleted_at) are in no figure.
CREATE TRIGGER reelyard_clip_in AFTER INSERT ON clip WHEN new.deleted_at IS NULL BEGIN
    UPDATE reelyard_totals SET
        clips_pending = clips_pending + (new.thumbnail_status = 'pending'),
        clips_processing = clips_processing + (new.thumbnail_status = 'processing'),
        clips_completed = clips_completed + (new.thumbnail_status = 'completed'),
        clips_failed = clips_failed + (new.thumbnail_status = 'failed'),
        bytes_videos = bytes_videos + new.file_size;
END;
CREATE TRIGGER reelyard_clip_out AFTER DELETE ON clip WHEN old.deleted_at IS NULL BEGIN
    UPDATE reelyard_totals SET
        clips_pending = clips_pending - (old.thumbnail_status = 'pending'),
        clips_processing = clips_processing - (old.thumbnail_status = 'processing'),
        clips_completed = clips_completed - (old.thumbnail_status = 'completed'),
        clips_failed = clips_failed - (old.thumbnail_status = 'failed'),
        bytes_videos = bytes_videos - old.file_size;
END;
CREATE TRIGGER reelyard_clip_change AFTER UPDATE OF thumbnail_status, file_size, deleted_at ON clip
WHEN old.thumbnail_status <> new.thumbnail_status OR old.file_size <> new.file_size
    OR (old.deleted_at IS NULL) <> (new.deleted_at IS NULL) BEGIN
    UPDATE reelyard_totals SET
        clips_pending = clips_pending + (new.deleted_at IS NULL AND new.thumbnail_status = 'pending')
            - (old.deleted_at IS NULL AND old.thumbnail_status = 'pending'),
        clips_processing = clips_processing + (new.deleted_at IS NULL AND new.thumbnail_status = 'processing')
            - (old.deleted_at IS NULL AND old.thumbnail_status = 'processing'),
        clips_completed = clips_completed + (new.deleted_at IS NULL AND new.thumbnail_status = 'completed')
            - (old.deleted_at IS NULL AND old.thumbnail_status = 'completed'),
        clips_failed = clips_failed + (new.deleted_at IS NULL AND new.thumbnail_status = 'failed')
            - (old.deleted_at IS NULL AND old.thumbnail_status = 'failed'),
        bytes_videos = bytes_videos + iif(new.deleted_at IS NULL, new.file_size, 0)
            - iif(old.deleted_at IS NULL, old.file_size, 0);
END;

CREATE TRIGGER reelyard_thumbnail_in AFTER INSERT ON thumbnail BEGIN
    UPDATE reelyard_totals SET thumbnails = thumbnails + 1, bytes_thumbnails = bytes_thumbnails + new.file_size;
END;
CREATE TRIGGER reelyard_thumbnail_out AFTER DELETE ON thumbnail BEGIN
    UPDATE reelyard_totals SET thumbnails = thumbnails - 1, bytes_thumbnails = bytes_thumbnails - old.file_size;
END;
CREATE TRIGGER reelyard_thumbnail_change AFTER UPDATE OF file_size ON thumbnail
WHEN old.file_size <> new.file_size BEGIN
    UPDATE reelyard_totals SET bytes_thumbnails = bytes_thumbnails + new.file_size - old.file_size;
END;
