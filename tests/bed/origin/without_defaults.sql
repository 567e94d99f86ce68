-- Takes away every default of the origin's tables, but for the numbers of serial columns. Reelyard's own tables are made
-- by its migrations alone, and so have theirs.
DO $$
DECLARE
    c RECORD;
BEGIN
    FOR c IN SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()
            AND table_name NOT LIKE 'reelyard\_%' AND column_default IS NOT NULL AND column_default NOT LIKE 'nextval(%' LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I DROP DEFAULT', c.table_name, c.column_name);
    END LOOP;
END
$$;
