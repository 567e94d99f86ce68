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

-- A channel's clips are counted after each slice, and by status for whoever watches a scan, without reading rows.
CREATE INDEX reelyard_clip_channel ON clip (channel_id, thumbnail_status) WHERE deleted_at IS NULL;
