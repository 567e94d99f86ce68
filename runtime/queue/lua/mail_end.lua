-- mail_end.lua: acknowledges and deletes an entry. ARGV: its id.
redis.call('XACK', KEYS[1], 'relay', ARGV[1])
return redis.call('XDEL', KEYS[1], ARGV[1])
