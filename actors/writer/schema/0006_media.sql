-- 0006_media: what the archive knows of a clip's video beyond the interface's tables, and where the original is kept.

-- One row a clip; there is none until something is known. keep_state: 'none' (nobody asked for the original), 'wanted'
-- (to be kept when keep_due_at has come; while somebody works on it, that is the end of the lease), 'kept' (kept_path is
-- in the store), 'failed' (not tried again by itself), 'gone' (the source has it no more). Clips with the same content
-- have the same kept_path. Codecs are RFC 6381 strings, or FFmpeg's name where there is none. thumbhash is base64:
-- Discord's until ours is made. source_kind, source_url: the message that was forwarded or replied to, or the page whose
-- video was embedded. edited_at, pinned: of the clip's message.
CREATE TABLE reelyard_media (
    clip_id TEXT NOT NULL PRIMARY KEY REFERENCES clip (id) ON DELETE CASCADE,
    keep_state TEXT NOT NULL DEFAULT 'none' CHECK (keep_state IN ('none', 'wanted', 'kept', 'failed', 'gone')),
    keep_due_at TEXT,
    keep_attempts INTEGER NOT NULL DEFAULT 0,
    keep_error TEXT,
    keep_owner TEXT,
    keep_lease_until TEXT,
    sha256 TEXT CHECK (length(sha256) = 64),
    kept_path TEXT,
    kept_bytes INTEGER,
    kept_at TEXT,
    container TEXT,
    video_codec TEXT,
    audio_codec TEXT,
    fps REAL,
    bitrate INTEGER,
    rotation INTEGER,
    has_audio INTEGER CHECK (has_audio IN (0, 1)),
    frame_time_s REAL,
    thumbhash TEXT,
    sheet_path TEXT,
    sheet_columns INTEGER,
    sheet_rows INTEGER,
    sheet_count INTEGER,
    sheet_step_s REAL,
    playable_path TEXT,
    playable_state TEXT,
    playable_due_at TEXT,
    playable_attempts INTEGER NOT NULL DEFAULT 0,
    playable_error TEXT,
    playable_owner TEXT,
    playable_lease_until TEXT,
    playable_bytes INTEGER,
    source_kind TEXT CHECK (source_kind IN ('forward', 'embed', 'reply')),
    source_url TEXT,
    edited_at TEXT,
    pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
    CHECK (keep_state <> 'wanted' OR keep_due_at IS NOT NULL),
    CHECK (keep_state <> 'kept' OR (sha256 IS NOT NULL AND kept_path IS NOT NULL AND kept_bytes IS NOT NULL))
) STRICT, WITHOUT ROWID;
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
    removed_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX reelyard_removed_file_removed_at ON reelyard_removed_file (removed_at);

-- A file that no row refers to any more is to be deleted, whoever deleted or changed the last one.
CREATE TRIGGER reelyard_media_kept_out AFTER DELETE ON reelyard_media
WHEN old.kept_path IS NOT NULL OR old.sheet_path IS NOT NULL OR old.playable_path IS NOT NULL BEGIN
    INSERT OR IGNORE INTO reelyard_doomed_file (path, created_at)
        SELECT old.kept_path, strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE old.kept_path IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM reelyard_media WHERE kept_path = old.kept_path);
    INSERT OR IGNORE INTO reelyard_doomed_file (path, created_at)
        SELECT old.sheet_path, strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE old.sheet_path IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM reelyard_media WHERE sheet_path = old.sheet_path);
    INSERT OR IGNORE INTO reelyard_doomed_file (path, created_at)
        SELECT old.playable_path, strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE old.playable_path IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM reelyard_media WHERE playable_path = old.playable_path);
END;
CREATE TRIGGER reelyard_media_kept_changed AFTER UPDATE OF kept_path ON reelyard_media
WHEN old.kept_path IS NOT NULL AND old.kept_path IS NOT new.kept_path BEGIN
    INSERT OR IGNORE INTO reelyard_doomed_file (path, created_at)
        SELECT old.kept_path, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
            WHERE NOT EXISTS (SELECT 1 FROM reelyard_media WHERE kept_path = old.kept_path);
END;
CREATE TRIGGER reelyard_media_sheet_changed AFTER UPDATE OF sheet_path ON reelyard_media
WHEN old.sheet_path IS NOT NULL AND old.sheet_path IS NOT new.sheet_path BEGIN
    INSERT OR IGNORE INTO reelyard_doomed_file (path, created_at)
        SELECT old.sheet_path, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
            WHERE NOT EXISTS (SELECT 1 FROM reelyard_media WHERE sheet_path = old.sheet_path);
END;
CREATE TRIGGER reelyard_media_playable_changed AFTER UPDATE OF playable_path ON reelyard_media
WHEN old.playable_path IS NOT NULL AND old.playable_path IS NOT new.playable_path BEGIN
    INSERT OR IGNORE INTO reelyard_doomed_file (path, created_at)
        SELECT old.playable_path, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
            WHERE NOT EXISTS (SELECT 1 FROM reelyard_media WHERE playable_path = old.playable_path);
END;

-- How many clips stand where with the keeping of their originals, kept by triggers like the archive's figures.
CREATE TABLE reelyard_media_totals (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    wanted INTEGER NOT NULL DEFAULT 0,
    kept INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    gone INTEGER NOT NULL DEFAULT 0,
    bytes_kept INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO reelyard_media_totals (id) VALUES (1);

CREATE TRIGGER reelyard_media_in AFTER INSERT ON reelyard_media WHEN new.keep_state <> 'none' BEGIN
    UPDATE reelyard_media_totals SET wanted = wanted + (new.keep_state = 'wanted'),
        kept = kept + (new.keep_state = 'kept'), failed = failed + (new.keep_state = 'failed'),
        gone = gone + (new.keep_state = 'gone'),
        bytes_kept = bytes_kept + iif(new.keep_state = 'kept', new.kept_bytes, 0);
END;
CREATE TRIGGER reelyard_media_out AFTER DELETE ON reelyard_media WHEN old.keep_state <> 'none' BEGIN
    UPDATE reelyard_media_totals SET wanted = wanted - (old.keep_state = 'wanted'),
        kept = kept - (old.keep_state = 'kept'), failed = failed - (old.keep_state = 'failed'),
        gone = gone - (old.keep_state = 'gone'),
        bytes_kept = bytes_kept - iif(old.keep_state = 'kept', old.kept_bytes, 0);
END;
CREATE TRIGGER reelyard_media_change AFTER UPDATE OF keep_state, kept_bytes ON reelyard_media
WHEN old.keep_state <> new.keep_state OR old.kept_bytes IS NOT new.kept_bytes BEGIN
    UPDATE reelyard_media_totals SET
        wanted = wanted + (new.keep_state = 'wanted') - (old.keep_state = 'wanted'),
        kept = kept + (new.keep_state = 'kept') - (old.keep_state = 'kept'),
        failed = failed + (new.keep_state = 'failed') - (old.keep_state = 'failed'),
        gone = gone + (new.keep_state = 'gone') - (old.keep_state = 'gone'),
        bytes_kept = bytes_kept + iif(new.keep_state = 'kept', new.kept_bytes, 0)
            - iif(old.keep_state = 'kept', old.kept_bytes, 0);
END;
