-- hurry.lua: makes entries due that were held back through no fault of their own. ARGV: now. Returns how many.
need_types()
local held, hurried = redis.call('ZRANGEBYSCORE', HELD, '-inf', '+inf', 'LIMIT', 0, 1000), 0
for _, member in ipairs(held) do
  redis.call('ZREM', HELD, member)
  if not redis.call('HGET', LEASES, member) and redis.call('ZSCORE', WHEN, member) then
    redis.call('ZADD', WHEN, ARGV[1], member)
    hurried = hurried + 1
  end
end
return hurried
