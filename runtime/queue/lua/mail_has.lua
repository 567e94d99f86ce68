-- mail_has.lua: whether an entry is in its stream, read or not. ARGV: its id.
return #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
