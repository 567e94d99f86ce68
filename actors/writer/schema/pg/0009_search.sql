-- 0009_search: the index by which clips are found.

-- One row a clip that is shown. docid orders clips by the time of their message: milliseconds since 1970 times 2^21, and
-- behind that the beginning of the clip's id. text is the clip's words (actors/writer/search_words.h); the word index
-- holds them as a tsvector that is stored nowhere else. orientation: 0 not known, 1 landscape, 2 portrait, 3 square.
CREATE TABLE reelyard_search (
    clip_id VARCHAR(64) NOT NULL PRIMARY KEY REFERENCES clip (id) ON DELETE CASCADE,
    docid BIGINT NOT NULL,
    guild_id VARCHAR(64) NOT NULL,
    channel_id VARCHAR(64) NOT NULL,
    author_id VARCHAR(64) NOT NULL,
    duration_ms BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    orientation SMALLINT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX reelyard_search_docid ON reelyard_search (docid, clip_id);
CREATE INDEX reelyard_search_guild_id ON reelyard_search (guild_id, docid, clip_id);
CREATE INDEX reelyard_search_channel_id ON reelyard_search (channel_id, docid, clip_id);
CREATE INDEX reelyard_search_author_id ON reelyard_search (author_id, docid, clip_id);
CREATE INDEX reelyard_search_duration_ms ON reelyard_search (duration_ms, docid, clip_id);
CREATE INDEX reelyard_search_bytes ON reelyard_search (bytes, docid, clip_id);
CREATE INDEX reelyard_search_words ON reelyard_search
    USING gin (array_to_tsvector(array_remove(string_to_array(translate(text, E'\n', ''), ' '), '')));

-- What the index does not tell yet, marked by triggers whoever changes the tables. The writer works it off: clips before
-- the transaction that marked them ends, or, when another program marked them, a moment later; names (of which all clips
-- of an author or channel hang) in slices from the newest on. A mark is a row of its own, so that one that comes while
-- another is worked off is not lost. behind: the slices went down to this docid.
CREATE TABLE reelyard_search_due (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    clip_id VARCHAR(64) NOT NULL
);
CREATE TABLE reelyard_search_renamed (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind TEXT NOT NULL,
    guild_id VARCHAR(64) NOT NULL,
    id VARCHAR(64) NOT NULL,
    behind BIGINT NOT NULL
);
-- An archive older than the index is filled in by rising clip id.
CREATE TABLE reelyard_search_fill (
    id INT NOT NULL PRIMARY KEY CHECK (id = 1),
    after VARCHAR(64) NOT NULL,
    done BOOLEAN NOT NULL
);
INSERT INTO reelyard_search_fill (id, after, done) SELECT 1, '', NOT EXISTS (SELECT FROM clip);

-- They run as their owner: who may write to the interface's tables need not be able to write here. What changed is asked
-- inside: a condition of the trigger itself would forbid the interface to change the types of its columns.
CREATE FUNCTION reelyard_search_clips_in() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO reelyard_search_due (clip_id) SELECT id FROM fresh;
    RETURN NULL;
END
$$;
CREATE FUNCTION reelyard_search_clip_changed() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
BEGIN
    IF OLD.title IS DISTINCT FROM NEW.title OR OLD.filename <> NEW.filename OR OLD.file_size <> NEW.file_size
        OR OLD.duration IS DISTINCT FROM NEW.duration OR OLD.resolution IS DISTINCT FROM NEW.resolution
        OR (OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL) OR OLD.guild_id <> NEW.guild_id
        OR OLD.channel_id <> NEW.channel_id OR OLD.author_id <> NEW.author_id OR OLD.message_id <> NEW.message_id THEN
        INSERT INTO reelyard_search_due (clip_id) VALUES (NEW.id);
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION reelyard_search_message_changed() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
BEGIN
    IF OLD.content IS DISTINCT FROM NEW.content OR OLD.timestamp <> NEW.timestamp
        OR (OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL) THEN
        INSERT INTO reelyard_search_due (clip_id) SELECT id FROM clip WHERE message_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION reelyard_search_author_changed() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
BEGIN
    IF OLD.username <> NEW.username OR OLD.nickname IS DISTINCT FROM NEW.nickname
        OR OLD.display_name IS DISTINCT FROM NEW.display_name THEN
        INSERT INTO reelyard_search_renamed (kind, guild_id, id, behind)
            VALUES ('author', NEW.guild_id, NEW.user_id, 9223372036854775807);
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION reelyard_search_channel_changed() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
BEGIN
    IF OLD.name <> NEW.name THEN
        INSERT INTO reelyard_search_renamed (kind, guild_id, id, behind)
            VALUES ('channel', NEW.guild_id, NEW.id, 9223372036854775807);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER reelyard_search_in AFTER INSERT ON clip REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION reelyard_search_clips_in();
CREATE TRIGGER reelyard_search_change AFTER UPDATE ON clip FOR EACH ROW EXECUTE FUNCTION reelyard_search_clip_changed();
CREATE TRIGGER reelyard_search_change AFTER UPDATE ON message FOR EACH ROW EXECUTE FUNCTION reelyard_search_message_changed();
CREATE TRIGGER reelyard_search_change AFTER UPDATE ON author FOR EACH ROW EXECUTE FUNCTION reelyard_search_author_changed();
CREATE TRIGGER reelyard_search_change AFTER UPDATE ON channel FOR EACH ROW EXECUTE FUNCTION reelyard_search_channel_changed();
