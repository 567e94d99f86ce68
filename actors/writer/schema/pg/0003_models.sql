-- 0003_models: gives the tables that 0001 made the shape that the bot's models give them.
--
-- On a database that the bot made nothing is done but to indexes of reelyard's own: 0001's rule clip_visibility_known tells which
-- one this is. Nothing here reads or rewrites a large table: rows are looked at in small tables only, and foreign keys
-- that rows stand against are added NOT VALID; engine_pg_keys.c validates them afterwards, without stopping writers.
--
-- ids of thumbnail and failed_thumbnail become VARCHAR(64) while these tables have no rows. With rows they stay UUID,
-- because the models and the interface read both, and the change would lock the tables until they are rewritten.

-- 0001 had guessed these four. Rows are carried over where they say enough; a table that had rows is kept as
-- reelyard_former_<name>.
CREATE FUNCTION reelyard_set_aside(name TEXT) RETURNS TEXT LANGUAGE plpgsql AS $$
DECLARE
    used BOOL;
BEGIN
    IF to_regclass(name) IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO used;
    IF NOT used THEN
        EXECUTE format('DROP TABLE %I', name);
        RETURN NULL;
    END IF;
    EXECUTE format('ALTER TABLE %I RENAME TO %I', name, 'reelyard_former_' || name);
    RETURN 'reelyard_former_' || name;
END
$$;

CREATE FUNCTION reelyard_has(tab TEXT, col TEXT) RETURNS BOOL LANGUAGE sql AS $$
    SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(tab) AND attname = col AND NOT attisdropped)
$$;

CREATE FUNCTION reelyard_mend_tags() RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    applied TEXT := reelyard_set_aside('clip_tags');
    tags TEXT := reelyard_set_aside('server_tags');
BEGIN
    CREATE TABLE server_tags (
        id UUID NOT NULL PRIMARY KEY,
        guild_id VARCHAR(64) NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
        name VARCHAR(100) NOT NULL,
        slug VARCHAR(100) NOT NULL,
        color VARCHAR(7),
        created_by_user_id VARCHAR(64) NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
        created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        is_active BOOLEAN NOT NULL DEFAULT true,
        UNIQUE (guild_id, slug)
    );
    CREATE INDEX idx_server_tags_guild_i_a30a1f ON server_tags (guild_id, is_active);
    CREATE INDEX idx_server_tags_guild_i_27791b ON server_tags (guild_id, created_at);
    CREATE TABLE clip_tags (
        id SERIAL NOT NULL PRIMARY KEY,
        guild_id VARCHAR(64) NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
        clip_id VARCHAR(64) NOT NULL REFERENCES clip (id) ON DELETE CASCADE,
        tag_id UUID NOT NULL REFERENCES server_tags (id) ON DELETE CASCADE,
        applied_by_user_id VARCHAR(64) NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
        applied_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        UNIQUE (guild_id, clip_id, tag_id)
    );
    CREATE INDEX idx_clip_tags_guild_i_603e4d ON clip_tags (guild_id, clip_id);
    CREATE INDEX idx_clip_tags_guild_i_2ca395 ON clip_tags (guild_id, tag_id, clip_id);
    CREATE INDEX idx_clip_tags_guild_i_412021 ON clip_tags (guild_id, applied_at);
    -- A tag's maker is the guild's owner where nobody is known.
    IF tags IS NOT NULL THEN
        EXECUTE format('INSERT INTO server_tags (id, guild_id, name, slug, color, created_by_user_id, created_at, is_active)'
            ' SELECT md5(''reelyard:server_tags:'' || o.id)::uuid, o.guild_id, o.name, coalesce(nullif(o.slug, ''''),'
            ' trim(BOTH ''-'' FROM lower(regexp_replace(o.name, ''[^[:alnum:]]+'', ''-'', ''g'')))),'
            ' CASE WHEN length(o.color) <= 7 THEN o.color END, u.id, o.created_at, o.is_active FROM %I o'
            ' JOIN guild g ON g.id = o.guild_id JOIN "user" u ON u.id = coalesce((SELECT m.id FROM "user" m'
            ' WHERE m.id = o.created_by), g.owner_id) ORDER BY o.id ON CONFLICT DO NOTHING', tags);
    END IF;
    IF applied IS NOT NULL THEN
        EXECUTE format('INSERT INTO clip_tags (guild_id, clip_id, tag_id, applied_by_user_id, applied_at)'
            ' SELECT t.guild_id, o.clip_id, t.id, coalesce(u.id, t.created_by_user_id), o.created_at FROM %I o'
            ' JOIN server_tags t ON t.id = md5(''reelyard:server_tags:'' || o.tag_id)::uuid'
            ' LEFT JOIN "user" u ON u.id = o.applied_by ORDER BY o.id ON CONFLICT DO NOTHING', applied);
    END IF;
END
$$;

CREATE FUNCTION reelyard_mend_install_intent() RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    former TEXT := reelyard_set_aside('install_intent');
BEGIN
    CREATE TABLE install_intent (
        id SERIAL NOT NULL PRIMARY KEY,
        user_id VARCHAR(64) NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
        guild VARCHAR(64),
        state TEXT NOT NULL,
        expires_at TIMESTAMPTZ NOT NULL,
        created_at TIMESTAMPTZ NOT NULL DEFAULT now()
    );
    IF former IS NOT NULL THEN
        EXECUTE format('INSERT INTO install_intent (user_id, guild, state, expires_at, created_at)'
            ' SELECT u.id, o.guild_id, o.state, o.expires_at, o.created_at FROM %I o JOIN "user" u ON u.id = o.user_id'
            ' WHERE o.state IS NOT NULL AND o.expires_at IS NOT NULL ORDER BY o.id', former);
    END IF;
END
$$;

CREATE FUNCTION reelyard_mend_job() RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    former TEXT := reelyard_set_aside('job');
BEGIN
    CREATE TABLE job (
        id TEXT NOT NULL PRIMARY KEY,
        type VARCHAR(50) NOT NULL,
        guild_id VARCHAR(64) NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
        channel_id VARCHAR(64) NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
        status VARCHAR(20) NOT NULL DEFAULT 'pending',
        result JSONB,
        error TEXT,
        claimed_by_worker TEXT,
        claimed_at TIMESTAMPTZ,
        completed_at TIMESTAMPTZ,
        created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
    );
    IF former IS NOT NULL THEN
        EXECUTE format('INSERT INTO job (id, type, guild_id, channel_id, status, error, created_at, updated_at)'
            ' SELECT o.id, o.type, g.id, c.id, o.status, o.error_message, o.created_at, o.updated_at FROM %I o'
            ' JOIN guild g ON g.id = o.guild_id JOIN channel c ON c.id = o.channel_id', former);
    END IF;
END
$$;

-- The models' foreign keys of message and clip. On a table without rows there is nothing to validate.
CREATE FUNCTION reelyard_add_key(child TEXT, col TEXT, parent TEXT) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    used BOOL;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM %I)', child) INTO used;
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I FOREIGN KEY (%I) REFERENCES %I (id) ON DELETE CASCADE %s', child,
        'reelyard_' || child || '_' || col || '_fkey', col, parent, CASE WHEN used THEN 'NOT VALID' ELSE '' END);
END
$$;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass('clip')
            AND conname = 'clip_visibility_known') THEN
        RETURN;
    END IF;
    -- The models keep these lists to themselves, so they may grow.
    ALTER TABLE clip DROP CONSTRAINT clip_visibility_known, DROP CONSTRAINT IF EXISTS clip_thumbnail_status_known;
    ALTER TABLE channel DROP CONSTRAINT IF EXISTS channel_type_known;
    ALTER TABLE channel_scan_status DROP CONSTRAINT IF EXISTS channel_scan_status_known;
    IF NOT EXISTS (SELECT FROM thumbnail) THEN
        ALTER TABLE thumbnail ALTER COLUMN id TYPE VARCHAR(64);
    END IF;
    IF NOT EXISTS (SELECT FROM failed_thumbnail) THEN
        ALTER TABLE failed_thumbnail ALTER COLUMN id TYPE VARCHAR(64);
    END IF;
    IF NOT reelyard_has('server_tags', 'created_by_user_id') THEN
        PERFORM reelyard_mend_tags();
    END IF;
    IF NOT reelyard_has('install_intent', 'guild') THEN
        PERFORM reelyard_mend_install_intent();
    END IF;
    IF NOT reelyard_has('job', 'claimed_by_worker') THEN
        PERFORM reelyard_mend_job();
    END IF;
    PERFORM reelyard_add_key('message', 'guild_id', 'guild');
    PERFORM reelyard_add_key('message', 'channel_id', 'channel');
    PERFORM reelyard_add_key('clip', 'guild_id', 'guild');
    PERFORM reelyard_add_key('clip', 'channel_id', 'channel');
END
$$;

-- The bot's generate_schemas makes its indexes where there is none of its name, and stops writers meanwhile. So ours for
-- the same columns get these names; where both are there, one is enough.
DO $$
DECLARE
    x RECORD;
BEGIN
    FOR x IN SELECT * FROM (VALUES
        ('reelyard_message_channel_id_timestamp', 'idx_message_channel_d9d2c3'),
        ('reelyard_message_guild_id_channel_id', 'idx_message_guild_i_2e8cc9'),
        ('reelyard_clip_channel_id_created_at', 'idx_clip_channel_c5820f'),
        ('reelyard_clip_guild_id_channel_id', 'idx_clip_guild_i_59f75c'),
        ('reelyard_clip_thumbnail_status', 'idx_clip_thumbna_3803e9'),
        ('reelyard_clip_expires_at', 'idx_clip_expires_32c23b'),
        ('reelyard_channel_scan_status_channel_id', 'idx_channel_sca_channel_ca46c8'),
        ('reelyard_channel_scan_status_guild_id_status', 'idx_channel_sca_guild_i_61d1e1'),
        ('reelyard_channel_guild_id_message_scan_enabled', 'idx_channel_guild_i_271571'),
        ('reelyard_failed_thumbnail_next_retry_at', 'idx_failed_thum_next_re_59fedf')) v (ours, theirs)
    LOOP
        IF to_regclass(x.ours) IS NOT NULL AND to_regclass(x.theirs) IS NULL THEN
            EXECUTE format('ALTER INDEX %I RENAME TO %I', x.ours, x.theirs);
        ELSIF EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(x.theirs) AND indisvalid) THEN
            EXECUTE format('DROP INDEX IF EXISTS %I', x.ours);
        END IF;
    END LOOP;
END
$$;

DROP FUNCTION reelyard_mend_tags(), reelyard_mend_install_intent(), reelyard_mend_job(), reelyard_set_aside(TEXT),
    reelyard_has(TEXT, TEXT), reelyard_add_key(TEXT, TEXT, TEXT);
