-- 0008_media: what the archive knows of a clip's video beyond the interface's tables, and where the original is kept.

-- One row a clip; there is none until something is known. keep_state: 'none' (nobody asked for the original), 'wanted'
-- (to be kept when keep_due_at has come; while somebody works on it, that is the end of the lease), 'kept' (kept_path is
-- in the store), 'failed' (not tried again by itself), 'gone' (the source has it no more). Clips with the same content
-- have the same kept_path. Codecs are RFC 6381 strings, or FFmpeg's name where there is none. thumbhash is base64:
-- Discord's until ours is made. source_kind, source_url: the message that was forwarded or replied to, or the page whose
-- video was embedded. edited_at, pinned: of the clip's message.
CREATE TABLE reelyard_media (
    clip_id VARCHAR(64) NOT NULL PRIMARY KEY REFERENCES clip (id) ON DELETE CASCADE,
    keep_state TEXT NOT NULL DEFAULT 'none' CHECK (keep_state IN ('none', 'wanted', 'kept', 'failed', 'gone')),
    keep_due_at TIMESTAMPTZ,
    keep_attempts BIGINT NOT NULL DEFAULT 0,
    keep_error TEXT,
    keep_owner TEXT,
    keep_lease_until TIMESTAMPTZ,
    sha256 TEXT CHECK (length(sha256) = 64),
    kept_path TEXT,
    kept_bytes BIGINT,
    kept_at TIMESTAMPTZ,
    container TEXT,
    video_codec TEXT,
    audio_codec TEXT,
    fps DOUBLE PRECISION,
    bitrate BIGINT,
    rotation BIGINT,
    has_audio BOOLEAN,
    frame_time_s DOUBLE PRECISION,
    thumbhash TEXT,
    sheet_path TEXT,
    sheet_columns BIGINT,
    sheet_rows BIGINT,
    sheet_count BIGINT,
    sheet_step_s DOUBLE PRECISION,
    playable_path TEXT,
    playable_state TEXT,
    playable_due_at TIMESTAMPTZ,
    playable_attempts BIGINT NOT NULL DEFAULT 0,
    playable_error TEXT,
    playable_owner TEXT,
    playable_lease_until TIMESTAMPTZ,
    playable_bytes BIGINT,
    source_kind TEXT CHECK (source_kind IN ('forward', 'embed', 'reply')),
    source_url TEXT,
    edited_at TIMESTAMPTZ,
    pinned BOOLEAN NOT NULL DEFAULT false,
    CHECK (keep_state <> 'wanted' OR keep_due_at IS NOT NULL),
    CHECK (keep_state <> 'kept' OR (sha256 IS NOT NULL AND kept_path IS NOT NULL AND kept_bytes IS NOT NULL))
);
-- What is to be kept, in the order in which it is due. Holds nothing else, so it costs nothing else.
CREATE INDEX reelyard_media_wanted ON reelyard_media (keep_due_at, clip_id) WHERE keep_state = 'wanted';
CREATE INDEX reelyard_media_trouble ON reelyard_media (clip_id) WHERE keep_state IN ('failed', 'gone');
-- Who refers to a file.
CREATE INDEX reelyard_media_kept_path ON reelyard_media (kept_path) WHERE kept_path IS NOT NULL;
CREATE INDEX reelyard_media_sheet_path ON reelyard_media (sheet_path) WHERE sheet_path IS NOT NULL;
CREATE INDEX reelyard_media_playable_path ON reelyard_media (playable_path) WHERE playable_path IS NOT NULL;
CREATE INDEX reelyard_media_playable ON reelyard_media (playable_due_at, clip_id) WHERE playable_due_at IS NOT NULL;

-- Shared files that were deleted, and when: whoever says that he has kept one before that has to keep it again.
CREATE TABLE reelyard_removed_file (
    path TEXT NOT NULL PRIMARY KEY,
    removed_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX reelyard_removed_file_removed_at ON reelyard_removed_file (removed_at);

-- Transactions that give a row a file, or take the last one away, come one after the other for each file.
CREATE FUNCTION reelyard_file_lock(path TEXT) RETURNS VOID LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(592945, hashtext(path))
$$;

-- A file that no row refers to any more is to be deleted, whoever deleted or changed the last one.
CREATE FUNCTION reelyard_media_out() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    changed BOOLEAN := TG_OP = 'UPDATE';
BEGIN
    IF old.kept_path IS NOT NULL AND NOT (changed AND new.kept_path IS NOT DISTINCT FROM old.kept_path) THEN
        PERFORM reelyard_file_lock(old.kept_path);
        INSERT INTO reelyard_doomed_file (path, created_at) SELECT old.kept_path, now()
            WHERE NOT EXISTS (SELECT FROM reelyard_media WHERE kept_path = old.kept_path) ON CONFLICT DO NOTHING;
    END IF;
    IF old.sheet_path IS NOT NULL AND NOT (changed AND new.sheet_path IS NOT DISTINCT FROM old.sheet_path) THEN
        PERFORM reelyard_file_lock(old.sheet_path);
        INSERT INTO reelyard_doomed_file (path, created_at) SELECT old.sheet_path, now()
            WHERE NOT EXISTS (SELECT FROM reelyard_media WHERE sheet_path = old.sheet_path) ON CONFLICT DO NOTHING;
    END IF;
    IF old.playable_path IS NOT NULL AND NOT (changed AND new.playable_path IS NOT DISTINCT FROM old.playable_path) THEN
        PERFORM reelyard_file_lock(old.playable_path);
        INSERT INTO reelyard_doomed_file (path, created_at) SELECT old.playable_path, now()
            WHERE NOT EXISTS (SELECT FROM reelyard_media WHERE playable_path = old.playable_path) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER reelyard_media_gone AFTER DELETE ON reelyard_media FOR EACH ROW EXECUTE FUNCTION reelyard_media_out();
CREATE TRIGGER reelyard_media_changed AFTER UPDATE OF kept_path, sheet_path, playable_path ON reelyard_media
    FOR EACH ROW EXECUTE FUNCTION reelyard_media_out();
