-- The tables of DiscordClipSaver as Tortoise ORM 1.1.1 and newer make them from the bot's models: without one default but the
-- numbers of serial columns. defaults.sql adds those that 1.1.0 and older write. Names of indexes and rules are Tortoise's,
-- because its generate_schemas looks for them.

CREATE TABLE "user" (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    username VARCHAR(32) NOT NULL,
    discriminator VARCHAR(4) NOT NULL,
    avatar_url TEXT,
    roles VARCHAR(20) NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE guild (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    icon_url TEXT,
    message_scan_enabled BOOL NOT NULL,
    last_message_scan_at TIMESTAMPTZ,
    purge_cooldown TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    deleted_at TIMESTAMPTZ,
    owner_id VARCHAR(64) REFERENCES "user" (id) ON DELETE CASCADE
);

CREATE TABLE guild_settings (
    id SERIAL NOT NULL PRIMARY KEY,
    default_channel_settings JSONB,
    settings JSONB,
    settings_hash VARCHAR(32),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    deleted_at TIMESTAMPTZ,
    guild_id VARCHAR(64) NOT NULL UNIQUE REFERENCES guild (id) ON DELETE CASCADE
);

CREATE TABLE channel (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    type VARCHAR(8) NOT NULL,
    position INT NOT NULL,
    parent_id VARCHAR(64),
    topic TEXT,
    nsfw BOOL NOT NULL,
    message_scan_enabled BOOL NOT NULL,
    last_channel_sync_at TIMESTAMPTZ,
    next_allowed_channel_sync_at TIMESTAMPTZ,
    channel_sync_cooldown_level INT NOT NULL,
    purge_cooldown TIMESTAMPTZ,
    deleted_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    guild_id VARCHAR(64) NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
    CONSTRAINT uid_channel_guild_i_a44be7 UNIQUE (guild_id, id)
);
CREATE INDEX idx_channel_guild_i_271571 ON channel (guild_id, message_scan_enabled);

CREATE TABLE channel_settings (
    id SERIAL NOT NULL PRIMARY KEY,
    settings JSONB,
    settings_hash VARCHAR(32),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    deleted_at TIMESTAMPTZ,
    channel_id VARCHAR(64) NOT NULL UNIQUE REFERENCES channel (id) ON DELETE CASCADE
);

CREATE TABLE channel_scan_status (
    id SERIAL NOT NULL PRIMARY KEY,
    status VARCHAR(9) NOT NULL,
    forward_message_id VARCHAR(64),
    backward_message_id VARCHAR(64),
    message_count INT NOT NULL,
    total_messages_scanned INT NOT NULL,
    error_message TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    guild_id VARCHAR(64) NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
    channel_id VARCHAR(64) NOT NULL UNIQUE REFERENCES channel (id) ON DELETE CASCADE,
    CONSTRAINT uid_channel_sca_guild_i_5e8eea UNIQUE (guild_id, channel_id)
);
CREATE INDEX idx_channel_sca_channel_ca46c8 ON channel_scan_status (channel_id);
CREATE INDEX idx_channel_sca_guild_i_61d1e1 ON channel_scan_status (guild_id, status);

CREATE TABLE author (
    id SERIAL NOT NULL PRIMARY KEY,
    user_id VARCHAR(64) NOT NULL,
    username VARCHAR(32) NOT NULL,
    discriminator VARCHAR(4) NOT NULL,
    avatar_url TEXT,
    nickname VARCHAR(32),
    display_name VARCHAR(32),
    guild_avatar_url TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    guild_id VARCHAR(64) NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
    CONSTRAINT uid_author_user_id_e73ab8 UNIQUE (user_id, guild_id)
);

CREATE TABLE message (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    author_id VARCHAR(64) NOT NULL,
    content TEXT,
    timestamp TIMESTAMPTZ NOT NULL,
    deleted_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    channel_id VARCHAR(64) NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    guild_id VARCHAR(64) NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
    CONSTRAINT uid_message_guild_i_5000d7 UNIQUE (guild_id, channel_id, id)
);
CREATE INDEX idx_message_channel_d9d2c3 ON message (channel_id, "timestamp");
CREATE INDEX idx_message_guild_i_2e8cc9 ON message (guild_id, channel_id);

CREATE TABLE clip (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    author_id VARCHAR(64) NOT NULL,
    title VARCHAR(255),
    visibility VARCHAR(8) NOT NULL,
    filename VARCHAR(255) NOT NULL,
    file_size BIGINT NOT NULL,
    mime_type VARCHAR(50) NOT NULL,
    duration DOUBLE PRECISION,
    resolution VARCHAR(20),
    settings_hash VARCHAR(32),
    cdn_url TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    thumbnail_status VARCHAR(20) NOT NULL,
    deleted_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    channel_id VARCHAR(64) NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    guild_id VARCHAR(64) NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
    message_id VARCHAR(64) NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    CONSTRAINT uid_clip_guild_i_ff16a3 UNIQUE (guild_id, channel_id, message_id, id)
);
CREATE INDEX idx_clip_channel_c5820f ON clip (channel_id, created_at);
CREATE INDEX idx_clip_expires_32c23b ON clip (expires_at);
CREATE INDEX idx_clip_guild_i_59f75c ON clip (guild_id, channel_id);
CREATE INDEX idx_clip_thumbna_3803e9 ON clip (thumbnail_status);

CREATE TABLE thumbnail (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    size_type VARCHAR(10) NOT NULL,
    storage_path TEXT NOT NULL,
    width INT NOT NULL,
    height INT NOT NULL,
    file_size BIGINT NOT NULL,
    mime_type VARCHAR(20) NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    deleted_at TIMESTAMPTZ,
    clip_id VARCHAR(64) NOT NULL REFERENCES clip (id) ON DELETE CASCADE,
    CONSTRAINT uid_thumbnail_clip_id_93bfe4 UNIQUE (clip_id, size_type)
);

CREATE TABLE failed_thumbnail (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    error_message TEXT NOT NULL,
    retry_count INT NOT NULL,
    last_attempted_at TIMESTAMPTZ,
    next_retry_at TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    clip_id VARCHAR(64) NOT NULL REFERENCES clip (id) ON DELETE CASCADE
);
CREATE INDEX idx_failed_thum_next_re_59fedf ON failed_thumbnail (next_retry_at);

CREATE TABLE install_intent (
    id SERIAL NOT NULL PRIMARY KEY,
    guild VARCHAR(64),
    state TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    user_id VARCHAR(64) NOT NULL REFERENCES "user" (id) ON DELETE CASCADE
);

CREATE TABLE favorite_clip (
    id SERIAL NOT NULL PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    clip_id VARCHAR(64) NOT NULL REFERENCES clip (id) ON DELETE CASCADE,
    user_id VARCHAR(64) NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    CONSTRAINT uid_favorite_cl_user_id_976705 UNIQUE (user_id, clip_id)
);

CREATE TABLE server_tags (
    id UUID NOT NULL PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    slug VARCHAR(100) NOT NULL,
    color VARCHAR(7),
    created_at TIMESTAMPTZ NOT NULL,
    is_active BOOL NOT NULL,
    created_by_user_id VARCHAR(64) NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    guild_id VARCHAR(64) NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
    CONSTRAINT uid_server_tags_guild_i_f29b15 UNIQUE (guild_id, slug)
);
CREATE INDEX idx_server_tags_guild_i_27791b ON server_tags (guild_id, created_at);
CREATE INDEX idx_server_tags_guild_i_a30a1f ON server_tags (guild_id, is_active);

CREATE TABLE clip_tags (
    id SERIAL NOT NULL PRIMARY KEY,
    applied_at TIMESTAMPTZ NOT NULL,
    applied_by_user_id VARCHAR(64) NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    clip_id VARCHAR(64) NOT NULL REFERENCES clip (id) ON DELETE CASCADE,
    guild_id VARCHAR(64) NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
    tag_id UUID NOT NULL REFERENCES server_tags (id) ON DELETE CASCADE,
    CONSTRAINT uid_clip_tags_guild_i_4ccf4f UNIQUE (guild_id, clip_id, tag_id)
);
CREATE INDEX idx_clip_tags_guild_i_2ca395 ON clip_tags (guild_id, tag_id, clip_id);
CREATE INDEX idx_clip_tags_guild_i_412021 ON clip_tags (guild_id, applied_at);
CREATE INDEX idx_clip_tags_guild_i_603e4d ON clip_tags (guild_id, clip_id);

CREATE TABLE job (
    id TEXT NOT NULL PRIMARY KEY,
    type VARCHAR(50) NOT NULL,
    status VARCHAR(20) NOT NULL,
    result JSONB,
    error TEXT,
    claimed_by_worker TEXT,
    claimed_at TIMESTAMPTZ,
    completed_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    channel_id VARCHAR(64) NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    guild_id VARCHAR(64) NOT NULL REFERENCES guild (id) ON DELETE CASCADE
);
