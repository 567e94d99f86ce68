-- nack.lua: ARGV: member, token, job id, when it is ready again, 1 if the try counts, 1 if it is only held back. Returns
-- ok, fenced or gone.
need_types()
local refused = refusal(ARGV[1], ARGV[2], ARGV[3])
if refused then
  return refused
end
local _, attempts = lease_of(ARGV[1])
redis.call('HDEL', LEASES, ARGV[1])
redis.call('HSET', TRIED, ARGV[1], ARGV[5] == '1' and attempts or tonumber(attempts) - 1)
redis.call('ZADD', WHEN, ARGV[4], ARGV[1])
if ARGV[6] == '1' then
  redis.call('ZADD', HELD, ARGV[4], ARGV[1])
else
  redis.call('ZREM', HELD, ARGV[1])
end
return 'ok'
