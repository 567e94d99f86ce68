-- 0007_guilds: rows stay with their guild.

-- Fails the statement of a batch that meets a row of another guild under one of its ids. It stands where the row's
-- updated_at would be made, and gives none.
CREATE FUNCTION reelyard_other_guild() RETURNS TIMESTAMPTZ LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the id is that of a row of another guild' USING ERRCODE = 'RY002';
END
$$;
