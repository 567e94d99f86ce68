-- Takes away every default of every table of the schema, but for the numbers of serial columns.
DO $$
DECLARE
    c RECORD;
BEGIN
    FOR c IN SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()
            AND column_default IS NOT NULL AND column_default NOT LIKE 'nextval(%' LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I DROP DEFAULT', c.table_name, c.column_name);
    END LOOP;
END
$$;
