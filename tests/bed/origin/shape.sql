-- The shape of the interface's tables, one line a fact: columns with type and NOT NULL; primary keys, UNIQUE rules, foreign keys
-- and CHECKs by what they say; indexes by their columns, without partial ones and those that a UNIQUE rule has as well.
-- Names of rules, the order of columns, defaults and what is reelyard's own (reelyard_...) do not count.
SELECT format('%s.%s %s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END) AS fact
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND c.relname NOT LIKE 'reelyard\_%'
UNION ALL
SELECT format('%s %s%s', c.relname, pg_get_constraintdef(k.oid), CASE WHEN k.convalidated THEN '' ELSE ' NOT VALID' END)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relname NOT LIKE 'reelyard\_%' AND k.contype <> 'n'
UNION ALL
SELECT DISTINCT format('%s INDEX %s', c.relname, substring(pg_get_indexdef(i.indexrelid) FROM '\((.*)\)'))
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class n ON n.oid = i.indexrelid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relname NOT LIKE 'reelyard\_%' AND NOT i.indisunique
        AND i.indpred IS NULL AND n.relname NOT LIKE 'reelyard\_%' AND i.indisvalid
        AND NOT EXISTS (SELECT FROM pg_index u WHERE u.indrelid = i.indrelid AND u.indisunique AND u.indkey = i.indkey)
ORDER BY 1;
