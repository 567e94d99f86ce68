-- 0008_sheets: which clips' storyboards are to be made.

-- sheet_state: NULL (nobody has thought of it), 'wanted' (to be made when sheet_due_at has come; while somebody works on
-- it, that is the end of the lease of sheet_owner), 'made' (sheet_path is in the store), 'none' (the video can have none),
-- 'failed' (not tried again by itself).
ALTER TABLE reelyard_media ADD COLUMN sheet_state TEXT CHECK (sheet_state IN ('wanted', 'made', 'none', 'failed'));
ALTER TABLE reelyard_media ADD COLUMN sheet_due_at TEXT;
ALTER TABLE reelyard_media ADD COLUMN sheet_attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reelyard_media ADD COLUMN sheet_owner TEXT;
ALTER TABLE reelyard_media ADD COLUMN sheet_error TEXT;
ALTER TABLE reelyard_media ADD COLUMN sheet_width INTEGER;
ALTER TABLE reelyard_media ADD COLUMN sheet_height INTEGER;
-- What is to be made, in the order in which it is due. Holds nothing else, so it costs nothing else.
CREATE INDEX reelyard_media_sheet_wanted ON reelyard_media (sheet_due_at, clip_id) WHERE sheet_state = 'wanted';
