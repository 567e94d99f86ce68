-- 0001_interface: the tables that the bot and the web interface share with reelyard, for a database that has none.
--
-- A database that DiscordClipSaver made has them already and keeps its own; there, this file is only noted as done.
-- Indexes stand in engine_pg_index.def, because on a database in use they are made without stopping its writers.

CREATE TABLE "user" (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    username VARCHAR(32) NOT NULL,
    discriminator VARCHAR(4) NOT NULL,
    avatar_url TEXT,
    roles VARCHAR(20) NOT NULL DEFAULT 'user',
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE guild (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    owner_id VARCHAR(64) REFERENCES "user" (id) ON DELETE CASCADE,
    name VARCHAR(100) NOT NULL,
    icon_url TEXT,
    message_scan_enabled BOOLEAN NOT NULL DEFAULT false,
    last_message_scan_at TIMESTAMPTZ,
    purge_cooldown TIMESTAMPTZ,
    deleted_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE guild_settings (
    id SERIAL NOT NULL PRIMARY KEY,
    guild_id VARCHAR(64) NOT NULL UNIQUE REFERENCES guild (id) ON DELETE CASCADE,
    default_channel_settings JSONB,
    settings JSONB,
    settings_hash VARCHAR(32),
    deleted_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE channel (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    guild_id VARCHAR(64) NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
    name VARCHAR(100) NOT NULL,
    type VARCHAR(8) NOT NULL DEFAULT 'text'
        CONSTRAINT channel_type_known CHECK (type IN ('text', 'voice', 'category', 'forum')),
    position INT NOT NULL DEFAULT 0,
    parent_id VARCHAR(64),
    topic TEXT,
    nsfw BOOLEAN NOT NULL DEFAULT false,
    message_scan_enabled BOOLEAN NOT NULL DEFAULT false,
    last_channel_sync_at TIMESTAMPTZ,
    next_allowed_channel_sync_at TIMESTAMPTZ,
    channel_sync_cooldown_level INT NOT NULL DEFAULT 0,
    purge_cooldown TIMESTAMPTZ,
    deleted_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (guild_id, id)
);

CREATE TABLE channel_settings (
    id SERIAL NOT NULL PRIMARY KEY,
    channel_id VARCHAR(64) NOT NULL UNIQUE REFERENCES channel (id) ON DELETE CASCADE,
    settings JSONB,
    settings_hash VARCHAR(32),
    deleted_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE channel_scan_status (
    id SERIAL NOT NULL PRIMARY KEY,
    guild_id VARCHAR(64) NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
    channel_id VARCHAR(64) NOT NULL UNIQUE REFERENCES channel (id) ON DELETE CASCADE,
    status VARCHAR(9) NOT NULL DEFAULT 'QUEUED' CONSTRAINT channel_scan_status_known
        CHECK (status IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
    forward_message_id VARCHAR(64),
    backward_message_id VARCHAR(64),
    message_count INT NOT NULL DEFAULT 0,
    total_messages_scanned INT NOT NULL DEFAULT 0,
    error_message TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (guild_id, channel_id)
);

CREATE TABLE author (
    id SERIAL NOT NULL PRIMARY KEY,
    user_id VARCHAR(64) NOT NULL,
    guild_id VARCHAR(64) NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
    username VARCHAR(32) NOT NULL,
    discriminator VARCHAR(4) NOT NULL,
    avatar_url TEXT,
    nickname VARCHAR(32),
    display_name VARCHAR(32),
    guild_avatar_url TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (user_id, guild_id)
);

CREATE TABLE message (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    guild_id VARCHAR(64) NOT NULL,
    channel_id VARCHAR(64) NOT NULL,
    author_id VARCHAR(64) NOT NULL,
    content TEXT,
    timestamp TIMESTAMPTZ NOT NULL,
    deleted_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (guild_id, channel_id, id)
);

CREATE TABLE clip (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    message_id VARCHAR(64) NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    guild_id VARCHAR(64) NOT NULL,
    channel_id VARCHAR(64) NOT NULL,
    author_id VARCHAR(64) NOT NULL,
    title VARCHAR(255),
    visibility VARCHAR(8) NOT NULL DEFAULT 'PUBLIC'
        CONSTRAINT clip_visibility_known CHECK (visibility IN ('PUBLIC', 'UNLISTED', 'PRIVATE')),
    filename VARCHAR(255) NOT NULL,
    file_size BIGINT NOT NULL,
    mime_type VARCHAR(50) NOT NULL,
    duration DOUBLE PRECISION,
    resolution VARCHAR(20),
    settings_hash VARCHAR(32),
    cdn_url TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    thumbnail_status VARCHAR(20) NOT NULL DEFAULT 'pending' CONSTRAINT clip_thumbnail_status_known
        CHECK (thumbnail_status IN ('pending', 'processing', 'completed', 'failed')),
    deleted_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (guild_id, channel_id, message_id, id)
);

CREATE TABLE thumbnail (
    id UUID NOT NULL PRIMARY KEY,
    clip_id VARCHAR(64) NOT NULL REFERENCES clip (id) ON DELETE CASCADE,
    size_type VARCHAR(10) NOT NULL,
    storage_path TEXT NOT NULL,
    width INT NOT NULL,
    height INT NOT NULL,
    file_size BIGINT NOT NULL,
    mime_type VARCHAR(20) NOT NULL DEFAULT 'image/webp',
    deleted_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (clip_id, size_type)
);

CREATE TABLE failed_thumbnail (
    id UUID NOT NULL PRIMARY KEY,
    clip_id VARCHAR(64) NOT NULL REFERENCES clip (id) ON DELETE CASCADE,
    error_message TEXT NOT NULL,
    retry_count INT NOT NULL DEFAULT 0,
    last_attempted_at TIMESTAMPTZ,
    next_retry_at TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ---- the interface's own: reelyard never reads or writes them ----------------------------------------------------

CREATE TABLE favorite_clip (
    id SERIAL NOT NULL PRIMARY KEY,
    user_id VARCHAR(64) NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    clip_id VARCHAR(64) NOT NULL REFERENCES clip (id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (user_id, clip_id)
);

CREATE TABLE server_tags (
    id SERIAL NOT NULL PRIMARY KEY,
    guild_id VARCHAR(64) NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
    name VARCHAR(100) NOT NULL,
    slug VARCHAR(100),
    color VARCHAR(20),
    created_by VARCHAR(64),
    is_active BOOLEAN NOT NULL DEFAULT true,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (guild_id, name)
);

CREATE TABLE clip_tags (
    id SERIAL NOT NULL PRIMARY KEY,
    clip_id VARCHAR(64) NOT NULL REFERENCES clip (id) ON DELETE CASCADE,
    tag_id INT NOT NULL REFERENCES server_tags (id) ON DELETE CASCADE,
    applied_by VARCHAR(64),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (clip_id, tag_id)
);

CREATE TABLE install_intent (
    id SERIAL NOT NULL PRIMARY KEY,
    guild_id VARCHAR(64) NOT NULL,
    user_id VARCHAR(64),
    state VARCHAR(255),
    expires_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE job (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    type VARCHAR(32) NOT NULL,
    guild_id VARCHAR(64),
    channel_id VARCHAR(64),
    status VARCHAR(20) NOT NULL DEFAULT 'queued',
    payload JSONB,
    error_message TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
