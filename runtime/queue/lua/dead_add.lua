-- dead_add.lua: ARGV: kind, job id, type, guild, channel, reason, summary, priority, attempts, when it died, body. The
-- very same letter twice is one. Returns 1 if it is new.
need_types()
local sum = redis.sha1hex(table.concat({ARGV[1], ARGV[2], ARGV[3], redis.sha1hex(ARGV[11])}, '\n'))
if redis.call('HEXISTS', SUMS, sum) == 1 then
  return 0
end
keep_dead({kind = ARGV[1], job_id = ARGV[2], type = ARGV[3], guild_id = ARGV[4], channel_id = ARGV[5], reason = ARGV[6],
  summary = ARGV[7], priority = ARGV[8], attempts = ARGV[9], died_ms = ARGV[10], sum = sum,
  stream = 'jobs:guild:' .. (ARGV[4] ~= '' and ARGV[4] or 'global') .. ':' .. ARGV[3]},
  {'job', ARGV[11], 'guild_id', ARGV[4], 'channel_id', ARGV[5], 'job_type', ARGV[3], 'job_id', ARGV[2]})
redis.call('HSET', SUMS, sum, 1)
return 1
