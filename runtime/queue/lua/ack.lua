-- ack.lua: ARGV: member, token, job id, now, until when the id is remembered, then for each next job stream, guild,
-- channel, type, id, JSON. Returns ok, fenced or gone.
need_types()
local refused = refusal(ARGV[1], ARGV[2], ARGV[3])
if refused then
  return refused
end
local _, stream, id = parts(ARGV[1])
local now = tonumber(ARGV[4])
for _, ended in ipairs(redis.call('ZRANGEBYSCORE', ENDED, '-inf', ARGV[4], 'LIMIT', 0, 100)) do
  redis.call('ZREM', ENDED, ended)
  if redis.call('HGET', JOBS, ended) == 'e' then
    redis.call('HDEL', JOBS, ended)
  end
end
forget(ARGV[1], stream, id)
end_job(ARGV[3], stream, id, ARGV[5])
for i = 6, #ARGV - 5, 6 do
  push('r', now, ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5])
end
return 'ok'
