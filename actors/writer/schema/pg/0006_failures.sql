-- 0006_failures: failures that are not tried again by themselves.

-- Clips whose last failure was permanent. encoder: the version of the one whose verdict it is; NULL: no encoder looked
-- (a deleted attachment, a file that is missing), so another version would not help.
CREATE TABLE reelyard_permanent_failure (
    clip_id VARCHAR(64) NOT NULL PRIMARY KEY REFERENCES clip (id) ON DELETE CASCADE,
    encoder TEXT,
    judged_at TIMESTAMPTZ NOT NULL
);

-- Versions of encoders that were here. When one is first told, permanent failures by others become due once.
CREATE TABLE reelyard_encoder_version (
    version TEXT NOT NULL PRIMARY KEY,
    seen_at TIMESTAMPTZ NOT NULL
);
