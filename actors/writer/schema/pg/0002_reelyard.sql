-- 0002_reelyard: reelyard's own tables. Nothing here touches the interface's, but for foreign keys that go with a row.

-- The largest lease token that has written for a job; a smaller one is refused. Tokens of 1 need no row: none is
-- smaller.
CREATE TABLE reelyard_fence (
    job_id TEXT NOT NULL PRIMARY KEY,
    token BIGINT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX reelyard_fence_updated_at ON reelyard_fence (updated_at);

-- Who works on a clip and until when, and how many claims of it came to no end. owner NULL: it was given back.
CREATE TABLE reelyard_clip_lease (
    clip_id VARCHAR(64) NOT NULL PRIMARY KEY REFERENCES clip (id) ON DELETE CASCADE,
    owner TEXT,
    lease_until TIMESTAMPTZ NOT NULL,
    attempts INT NOT NULL
);

-- The slice of a scan that a job has committed, so that the job, delivered again, only repeats what follows. channel_id
-- is NULL for jobs of live messages, which are no part of a scan. next: the JSON of the job that goes on, if one does.
CREATE TABLE reelyard_slice (
    job_id TEXT NOT NULL PRIMARY KEY,
    channel_id VARCHAR(64),
    messages BIGINT NOT NULL,
    clips BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    next TEXT,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX reelyard_slice_updated_at ON reelyard_slice (updated_at);
CREATE INDEX reelyard_slice_channel_id ON reelyard_slice (channel_id, updated_at) WHERE channel_id IS NOT NULL;

-- Files whose rows are gone, to be deleted from the store.
CREATE TABLE reelyard_doomed_file (
    path TEXT NOT NULL PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX reelyard_doomed_file_created_at ON reelyard_doomed_file (created_at, path);

-- Folders below which file URLs of clips may point.
CREATE TABLE reelyard_media_root (
    path TEXT NOT NULL PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL
);

-- Fails the transaction of a batch that may not be written, for a caller who does not look at verdicts before he goes
-- on. 1: the job's lease is another worker's; 2: the scan was cancelled.
CREATE FUNCTION reelyard_gate_shut(verdict INT) RETURNS INT LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'gate shut (%)', verdict USING ERRCODE = 'RY001';
END
$$;
