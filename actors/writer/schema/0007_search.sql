-- 0007_search: the index by which clips are found.

-- One row a clip that is shown. docid orders clips by the time of their message: milliseconds since 1970 times 2^21, and
-- behind that the beginning of the clip's id, so that the word index gives its finds from the newest on. text is the
-- clip's words (actors/writer/search_words.h). orientation: 0 not known, 1 landscape, 2 portrait, 3 square.
CREATE TABLE reelyard_search (
    docid INTEGER NOT NULL PRIMARY KEY,
    clip_id TEXT NOT NULL UNIQUE REFERENCES clip (id) ON DELETE CASCADE,
    guild_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    author_id TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    orientation INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX reelyard_search_guild_id ON reelyard_search (guild_id);
CREATE INDEX reelyard_search_channel_id ON reelyard_search (channel_id);
CREATE INDEX reelyard_search_author_id ON reelyard_search (author_id);
CREATE INDEX reelyard_search_duration_ms ON reelyard_search (duration_ms);
CREATE INDEX reelyard_search_bytes ON reelyard_search (bytes);

-- Which rows have a word: no text, no places. Words come folded, so its own rules need only part them at blanks.
CREATE VIRTUAL TABLE reelyard_words USING fts5 (text, content = '', columnsize = 0, detail = none, tokenize = 'ascii');

-- What the index does not tell yet, marked by triggers whoever changes the tables; the writer works it off: clips before
-- the transaction that marked them ends, names (of which all clips of an author or channel hang) in slices from the
-- newest on. behind: the slices went down to this docid.
CREATE TABLE reelyard_search_due (
    clip_id TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TABLE reelyard_search_renamed (
    kind TEXT NOT NULL,
    guild_id TEXT NOT NULL,
    id TEXT NOT NULL,
    behind INTEGER NOT NULL,
    PRIMARY KEY (kind, guild_id, id)
) STRICT, WITHOUT ROWID;
-- Rows that are gone and still in reelyard_words, which must be told the words that it forgets.
CREATE TABLE reelyard_search_gone (
    docid INTEGER NOT NULL PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;
-- An archive older than the index is filled in by rising clip id.
CREATE TABLE reelyard_search_fill (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    after TEXT NOT NULL,
    done INTEGER NOT NULL CHECK (done IN (0, 1))
) STRICT;
INSERT INTO reelyard_search_fill (id, after, done) SELECT 1, '', NOT EXISTS (SELECT 1 FROM clip);

-- No OR IGNORE: it would yield to the ON CONFLICT of the statement that fires the trigger.
CREATE TRIGGER reelyard_search_clip_in AFTER INSERT ON clip BEGIN
    INSERT INTO reelyard_search_due (clip_id) SELECT new.id
        WHERE NOT EXISTS (SELECT 1 FROM reelyard_search_due WHERE clip_id = new.id);
END;
CREATE TRIGGER reelyard_search_clip_change AFTER UPDATE OF title, filename, file_size, duration, resolution, deleted_at,
    guild_id, channel_id, author_id, message_id ON clip
WHEN old.title IS NOT new.title OR old.filename <> new.filename OR old.file_size <> new.file_size
    OR old.duration IS NOT new.duration OR old.resolution IS NOT new.resolution
    OR (old.deleted_at IS NULL) <> (new.deleted_at IS NULL) OR old.guild_id <> new.guild_id
    OR old.channel_id <> new.channel_id OR old.author_id <> new.author_id OR old.message_id <> new.message_id BEGIN
    INSERT INTO reelyard_search_due (clip_id) SELECT new.id
        WHERE NOT EXISTS (SELECT 1 FROM reelyard_search_due WHERE clip_id = new.id);
END;
CREATE TRIGGER reelyard_search_message_change AFTER UPDATE OF content, timestamp, deleted_at ON message
WHEN old.content IS NOT new.content OR old.timestamp <> new.timestamp
    OR (old.deleted_at IS NULL) <> (new.deleted_at IS NULL) BEGIN
    INSERT INTO reelyard_search_due (clip_id) SELECT id FROM clip WHERE message_id = new.id
        AND NOT EXISTS (SELECT 1 FROM reelyard_search_due WHERE clip_id = clip.id);
END;
CREATE TRIGGER reelyard_search_author_change AFTER UPDATE OF username, nickname, display_name ON author
WHEN old.username <> new.username OR old.nickname IS NOT new.nickname OR old.display_name IS NOT new.display_name BEGIN
    DELETE FROM reelyard_search_renamed WHERE kind = 'author' AND guild_id = new.guild_id AND id = new.user_id;
    INSERT INTO reelyard_search_renamed (kind, guild_id, id, behind)
        VALUES ('author', new.guild_id, new.user_id, 9223372036854775807);
END;
CREATE TRIGGER reelyard_search_channel_change AFTER UPDATE OF name ON channel WHEN old.name <> new.name BEGIN
    DELETE FROM reelyard_search_renamed WHERE kind = 'channel' AND guild_id = new.guild_id AND id = new.id;
    INSERT INTO reelyard_search_renamed (kind, guild_id, id, behind)
        VALUES ('channel', new.guild_id, new.id, 9223372036854775807);
END;
CREATE TRIGGER reelyard_search_out AFTER DELETE ON reelyard_search BEGIN
    INSERT INTO reelyard_search_gone (docid, text) VALUES (old.docid, old.text);
END;
