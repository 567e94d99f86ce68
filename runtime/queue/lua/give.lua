-- give.lua: puts entries that a blocking read has brought to those that are ready, where whoever has room takes them.
-- ARGV: now, then members.
need_types()
for i = 2, #ARGV do
  if not redis.call('HGET', LEASES, ARGV[i]) and not redis.call('ZSCORE', WHEN, ARGV[i]) then
    make_ready(ARGV[i], tonumber(ARGV[1]))
  end
end
return #ARGV - 1
