-- take.lua: leases entries. KEYS: streams in the order to look at them, those of a class together and those of a guild
-- together. ARGV: node, owner, most entries, least class, now, lease, when the grace period ends (0: there is none),
-- bytes that end the read, most bytes of a job, classes of the streams (a digit each), most urgent class not to be taken
-- from READY, what nothing is put off beyond (0: not looked for). Returns {entries, positions of streams that are empty,
-- positions of streams that are gone, buried, records that were malformed}.
local node, owner, most, least = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local now, lease, grace = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local put_off_max = tonumber(ARGV[12])
local enough_bytes, job_bytes_max, classes, ready_below = tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10], tonumber(ARGV[11])
local taken, empty, gone, buried, bytes = {}, {}, {}, {}, 0

local function room()
  return #taken < most and bytes < enough_bytes
end

local function put_dead(member, fields, attempts, reason)
  bury(member, fields, attempts, reason, now)
  buried[#buried + 1] = member .. ': ' .. reason
end

local function lease_entry(member, stream, id, fields, attempts)
  local job = field(fields, 'job')
  if not job then
    return put_dead(member, fields, attempts, 'the entry has no field job')
  elseif #job > job_bytes_max then
    return put_dead(member, fields, attempts, string.format('the job has %d bytes; at most %d are allowed', #job,
      job_bytes_max))
  end
  -- Tokens grow over all entries, and over a loss of this counter: they are never smaller than the time.
  local token = next_number(TOKEN, now)
  redis.call('HSET', LEASES, member, text(token) .. ' ' .. (attempts + 1) .. ' ' .. owner)
  redis.call('HDEL', TRIED, member)
  redis.call('ZADD', WHEN, text(now + lease), member)
  bytes = bytes + #job
  taken[#taken + 1] = {member, text(token), attempts + 1, job, field(fields, 'job_id') or '', field(fields, 'job_type') or '',
    field(fields, 'guild_id') or '', field(fields, 'channel_id') or ''}
end

-- What was leased and ran out, or was held back until now, is ready; so is, now and then, what a clock that was ahead has
-- put off for longer than anything is, by this node's clock and by that of Redis: one that is behind takes nobody's lease.
local over = redis.call('ZRANGEBYSCORE', WHEN, '-inf', text(now), 'LIMIT', 0, 100)
if put_off_max > 0 then
  local ahead = math.max(now, tonumber(redis.call('TIME')[1]) * 1000) + put_off_max
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', WHEN, '(' .. text(ahead), '+inf', 'LIMIT', 0, 100)) do
    over[#over + 1] = member
  end
end
for _, member in ipairs(over) do
  local token, attempts = lease_of(member)
  if not parts(member) then
    redis.call('ZREM', WHEN, member)
    put_aside(WHEN, member)
  elseif token and grace > now then
    -- Its holder could not renew it while Redis was away.
    redis.call('ZADD', WHEN, text(grace), member)
  else
    if token then
      redis.call('HSET', TRIED, member, attempts)
      redis.call('HDEL', LEASES, member)
    end
    redis.call('ZREM', WHEN, member)
    make_ready(member, now)
  end
end

local function take_ready(member)
  redis.call('ZREM', READY, member)
  local _, stream, id = parts(member)
  local attempts = counted(redis.call('HGET', TRIED, member))
  local pending = redis.pcall('XPENDING', stream, GROUP, id, id, 1)
  if pending.err or #pending == 0 then
    -- Finished by another consumer, or the group is new and will give it as an unread entry.
    redis.call('HDEL', TRIED, member)
    return
  end
  local claimed = redis.pcall('XCLAIM', stream, GROUP, node, 0, id)
  if not claimed.err and claimed[1] and claimed[1][2] then
    lease_entry(member, stream, id, claimed[1][2], attempts)
  else
    put_dead(member, {}, attempts, 'the body of the entry is gone: it was trimmed or deleted before it was worked on')
  end
end

-- One unread entry; false if there is none.
local types_known = false
local function take_unread(at)
  if not types_known then
    -- The sorted sets were read by now. An entry that is read and then cannot be recorded would be long lost.
    redis.call('HLEN', LEASES)
    redis.call('HLEN', TRIED)
    types_known = true
  end
  local stream = KEYS[at]
  local reply = redis.pcall('XREADGROUP', 'GROUP', GROUP, node, 'COUNT', 1, 'STREAMS', stream, '>')
  if reply and reply.err and string.find(reply.err, 'NOGROUP', 1, true) and redis.call('EXISTS', stream) == 1 then
    redis.pcall('XGROUP', 'CREATE', stream, GROUP, '0')
    reply = redis.pcall('XREADGROUP', 'GROUP', GROUP, node, 'COUNT', 1, 'STREAMS', stream, '>')
  end
  if not reply then
    empty[#empty + 1] = at
    return false
  elseif reply.err then
    gone[#gone + 1] = at
    return false
  end
  local entry = reply[1][2][1]
  lease_entry(string.sub(classes, at, at) .. ' ' .. stream .. ' ' .. entry[1], stream, entry[1], entry[2], 0)
  return true
end

local waiting, next_waiting = {}, 1
if ready_below > 0 then
  local ready = redis.call('ZRANGEBYSCORE', READY, '-inf', '(' .. text(ready_below * SPAN), 'WITHSCORES', 'LIMIT', 0,
    most + 100)
  for i = 1, #ready, 2 do
    local member, class = ready[i], math.floor(tonumber(ready[i + 1]) / SPAN)
    local own = parts(member)
    if not own then
      redis.call('ZREM', READY, member)
      put_aside(READY, member, ready[i + 1])
    elseif tonumber(own) ~= class then
      make_ready(member, now) -- where it belongs, for the next read
    else
      waiting[#waiting + 1] = member
    end
  end
end
local at = 1
for class = 0, least do
  while room() and waiting[next_waiting] and tonumber((parts(waiting[next_waiting]))) == class do
    take_ready(waiting[next_waiting])
    next_waiting = next_waiting + 1
  end
  -- Guilds take turns, one entry each; so do the streams of a guild.
  local guilds, last = {}, nil
  while at <= #KEYS and tonumber(string.sub(classes, at, at)) == class do
    local guild = string.match(KEYS[at], '^jobs:guild:([^:]*)') or ''
    if guild ~= last then
      guilds[#guilds + 1] = {}
      last = guild
    end
    table.insert(guilds[#guilds], at)
    at = at + 1
  end
  while #guilds > 0 and room() do
    local left = {}
    for _, streams in ipairs(guilds) do
      while room() and #streams > 0 do
        local stream = table.remove(streams, 1)
        if take_unread(stream) then
          table.insert(streams, stream)
          break
        end
      end
      if #streams > 0 then
        left[#left + 1] = streams
      end
    end
    guilds = left
  end
end
return {taken, empty, gone, buried, found_malformed}
