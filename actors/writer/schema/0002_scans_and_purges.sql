-- 0002_scans_and_purges: what the course of a scan and the deleting of files need beside the archive.

-- The slice of a scan that a job has committed, so that the job, delivered again, only repeats what follows. channel_id
-- is NULL for jobs of live messages, which are no part of a scan. next: the JSON of the job that goes on, if one does.
CREATE TABLE reelyard_slice (
    job_id TEXT NOT NULL PRIMARY KEY,
    channel_id TEXT,
    messages INTEGER NOT NULL,
    clips INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    next TEXT,
    updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX reelyard_slice_updated_at ON reelyard_slice (updated_at);
CREATE INDEX reelyard_slice_channel_id ON reelyard_slice (channel_id, updated_at) WHERE channel_id IS NOT NULL;

-- Files that belong to no row any more and are still to be deleted.
CREATE TABLE reelyard_doomed_file (
    path TEXT NOT NULL PRIMARY KEY,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX reelyard_doomed_file_created_at ON reelyard_doomed_file (created_at);

-- A channel's clips that nobody deleted, kept by triggers like the archive's figures: they are told after each slice of
-- a scan, and to whoever watches one. waiting: pending or processing.
CREATE TABLE reelyard_channel_clips (
    channel_id TEXT NOT NULL PRIMARY KEY,
    clips INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    failed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO reelyard_channel_clips (channel_id, clips, waiting, failed)
    SELECT channel_id, count(*), sum(thumbnail_status IN ('pending', 'processing')), sum(thumbnail_status = 'failed')
    FROM clip WHERE deleted_at IS NULL GROUP BY channel_id;

CREATE TRIGGER reelyard_channel_clip_in AFTER INSERT ON clip WHEN new.deleted_at IS NULL BEGIN
    INSERT INTO reelyard_channel_clips (channel_id, clips, waiting, failed)
        VALUES (new.channel_id, 1, new.thumbnail_status IN ('pending', 'processing'), new.thumbnail_status = 'failed')
        ON CONFLICT (channel_id) DO UPDATE SET clips = clips + 1, waiting = waiting + excluded.waiting,
            failed = failed + excluded.failed;
END;
CREATE TRIGGER reelyard_channel_clip_out AFTER DELETE ON clip WHEN old.deleted_at IS NULL BEGIN
    UPDATE reelyard_channel_clips SET clips = clips - 1,
        waiting = waiting - (old.thumbnail_status IN ('pending', 'processing')),
        failed = failed - (old.thumbnail_status = 'failed')
        WHERE channel_id = old.channel_id;
    DELETE FROM reelyard_channel_clips WHERE channel_id = old.channel_id AND clips = 0;
END;
-- From pending to processing and back nothing changes here.
CREATE TRIGGER reelyard_channel_clip_change AFTER UPDATE OF thumbnail_status, deleted_at ON clip
WHEN (old.deleted_at IS NULL) <> (new.deleted_at IS NULL)
    OR (old.thumbnail_status IN ('pending', 'processing')) <> (new.thumbnail_status IN ('pending', 'processing'))
    OR (old.thumbnail_status = 'failed') <> (new.thumbnail_status = 'failed') BEGIN
    INSERT INTO reelyard_channel_clips (channel_id, clips, waiting, failed)
        VALUES (new.channel_id,
            (new.deleted_at IS NULL) - (old.deleted_at IS NULL),
            (new.deleted_at IS NULL AND new.thumbnail_status IN ('pending', 'processing'))
                - (old.deleted_at IS NULL AND old.thumbnail_status IN ('pending', 'processing')),
            (new.deleted_at IS NULL AND new.thumbnail_status = 'failed')
                - (old.deleted_at IS NULL AND old.thumbnail_status = 'failed'))
        ON CONFLICT (channel_id) DO UPDATE SET clips = clips + excluded.clips, waiting = waiting + excluded.waiting,
            failed = failed + excluded.failed;
END;
