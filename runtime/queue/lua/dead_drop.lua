-- dead_drop.lua: ARGV: id, 1 to put its job back into its stream first. Returns ok, gone, mail or there (a job with its
-- id is in the queue).
need_types()
local id = ARGV[1] .. '-0'
local entry = redis.call('XRANGE', DEAD, id, id)[1]
if not entry then
  return 'gone'
end
if ARGV[2] == '1' then
  if field(entry[2], 'dead_kind') ~= '0' then
    return 'mail'
  end
  local job_id, stream = field(entry[2], 'dead_job_id'), field(entry[2], 'dead_stream')
  if not job_id or not stream then
    return 'empty'
  end
  local known = redis.call('HGET', JOBS, job_id)
  if known and known ~= 'e' then
    return 'there'
  end
  local words = {}
  for i = 1, #entry[2] - 1, 2 do
    if string.sub(entry[2][i], 1, 5) ~= 'dead_' then
      words[#words + 1] = entry[2][i]
      words[#words + 1] = entry[2][i + 1]
    end
  end
  if #words == 0 then
    return 'empty'
  end
  local new = redis.pcall('XADD', stream, '*', unpack(words))
  if type(new) == 'table' then
    return 'empty' -- what it names is no stream
  end
  redis.call('ZREM', ENDED, job_id)
  redis.call('HSET', JOBS, job_id, 'w ' .. stream .. ' ' .. new)
end
local sum = field(entry[2], 'dead_sum')
if sum then
  redis.call('HDEL', SUMS, sum)
end
redis.call('XDEL', DEAD, id)
return 'ok'
