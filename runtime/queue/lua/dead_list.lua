-- dead_list.lua: ARGV: id behind which to begin, how many, 1 with their bodies. Returns for each {id, kind, job id, type,
-- guild, channel, reason, summary, priority, attempts, when it died, body (false without)}.
local names = {'kind', 'job_id', 'type', 'guild_id', 'channel_id', 'reason', 'summary', 'priority', 'attempts', 'died_ms'}
local letters, from, left = {}, '(' .. ARGV[1] .. '-0', tonumber(ARGV[2])
while left > 0 do
  local entries = redis.call('XRANGE', DEAD, from, '+', 'COUNT', math.min(left, 10))
  if #entries == 0 then
    break
  end
  for _, entry in ipairs(entries) do
    from = '(' .. entry[1]
    local number = string.match(entry[1], '^(%d+)%-0$')
    if number and tonumber(number) < EXACT then
      local letter = {number}
      for i, name in ipairs(names) do
        letter[i + 1] = field(entry[2], 'dead_' .. name) or ''
      end
      letter[12] = ARGV[3] == '1' and field(entry[2], 'job') or false
      letters[#letters + 1] = letter
      left = left - 1
    else
      -- No letter has such an id, and none could be named by it.
      redis.call('XDEL', DEAD, entry[1])
      put_aside(DEAD, entry[1], field(entry[2], 'job'))
    end
  end
end
return letters
