-- 0003_archived: which clips a setting archived (clip.deleted_at), and why, so that a clip that somebody takes out of the
-- archive again stays out. reason: 'age' (auto_archive_after) or 'short' (min_video_seconds).
CREATE TABLE reelyard_archived (
    clip_id TEXT NOT NULL REFERENCES clip (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    archived_at TEXT NOT NULL,
    PRIMARY KEY (clip_id, reason)
) STRICT, WITHOUT ROWID;
