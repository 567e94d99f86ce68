-- find.lua: ARGV: number of types, types, then guild and channel in turn. Returns 1 or 0 for each channel: whether a job
-- of such a type is in the queue for it. A stream with more jobs than are looked at counts as having one.
local PAGE, PAGES = 500, 10
local types, seen, result = tonumber(ARGV[1]), {}, {}

-- The channels for which a stream has jobs; true if it has too many to look.
local function channels_of(stream)
  if seen[stream] == nil then
    local found, from = {}, '-'
    for page = 1, PAGES do
      local entries = redis.pcall('XRANGE', stream, from, '+', 'COUNT', PAGE)
      if entries.err or #entries == 0 then
        break
      end
      for _, entry in ipairs(entries) do
        local fine, job = pcall(cjson.decode, field(entry[2], 'job') or '')
        local channel = fine and type(job) == 'table' and job.channel_id or field(entry[2], 'channel_id')
        if channel then
          found[tostring(channel)] = true
        end
      end
      if page == PAGES then
        found = true
      else
        from = '(' .. entries[#entries][1]
      end
    end
    seen[stream] = found
  end
  return seen[stream]
end

for i = types + 2, #ARGV, 2 do
  local there = 0
  for t = 2, types + 1 do
    local channels = channels_of('jobs:guild:' .. ARGV[i] .. ':' .. ARGV[t])
    if channels == true or channels[ARGV[i + 1]] then
      there = 1
      break
    end
  end
  result[#result + 1] = there
end
return result
