-- prelude.lua: stands before every script. The keys are told in docs/REDIS.md.
--
-- A member names an entry: "CLASS STREAM ID", such as "4 jobs:guild:7:batch 1700-0". CLASS is the priority, one digit.
local WHEN, READY = 'reelyard:when', 'reelyard:ready'
local LEASES, TRIED, HELD = 'reelyard:leases', 'reelyard:tried', 'reelyard:held'
local JOBS, ENDED = 'reelyard:jobs', 'reelyard:ended'
local DEAD, SUMS, LAST = 'reelyard:dead', 'reelyard:dead:sums', 'reelyard:dead:last'
local TOKEN = 'reelyard:token'
local ASIDE, ASIDE_COUNT, ASIDE_MAX = 'reelyard:malformed', 'reelyard:malformed:count', 1000
local GROUP = 'worker_group'
-- More than any time in milliseconds: READY is sorted by class, then time.
local SPAN = 8796093022208
-- Integers above this are not exact here.
local EXACT = 9007199254740992

-- Numbers beyond 2^47 would be printed with an exponent.
local function text(number)
  return string.format('%.0f', number)
end

-- What this script found in the records that is none of reelyard's: it is taken out of them, so that it harms itself
-- alone, and the first of it are kept for a person to look at.
local found_malformed = {}
local function put_aside(key, member, value)
  local name = string.sub(key .. ' ' .. member, 1, 1000)
  local kept = redis.pcall('HLEN', ASIDE)
  if type(kept) == 'number' and kept < ASIDE_MAX then
    redis.pcall('HSET', ASIDE, name, string.sub(tostring(value or ''), 1, 1000))
  end
  redis.pcall('INCR', ASIDE_COUNT)
  found_malformed[#found_malformed + 1] = name
end

-- Breaks off, by WRONGTYPE, before anything is changed, if a key is of another type: mend.lua then puts it aside.
local function need_types()
  for _, key in ipairs({WHEN, READY, HELD, ENDED}) do
    redis.call('ZCARD', key)
  end
  for _, key in ipairs({LEASES, TRIED, JOBS, SUMS}) do
    redis.call('HLEN', key)
  end
  redis.call('XLEN', DEAD)
end

-- Class, stream and id; nil for what is no member.
local function parts(member)
  return string.match(member, '^([0-4]) (.*) (%d+%-%d+)$')
end

-- A number of leases as it stands in a record; 0 for what is none.
local function counted(number)
  local count = tonumber(number)
  return count and count >= 0 and count < 1000000000 and count == math.floor(count) and count or 0
end

local function make_ready(member, now)
  redis.call('ZADD', READY, text(tonumber(string.sub(member, 1, 1)) * SPAN + now), member)
end

local function field(fields, name)
  for i = 1, #fields - 1, 2 do
    if fields[i] == name then
      return fields[i + 1]
    end
  end
end

-- The token, attempts and owner in the record of a leased entry.
local function read_lease(member, record)
  local token, attempts, owner = string.match(record, '^(%d+) (%d+) (.*)$')
  if not token or not parts(member) then
    put_aside(LEASES, member, record)
    redis.call('HDEL', LEASES, member)
    return nil
  end
  return token, counted(attempts), owner
end

local function lease_of(member)
  local record = redis.call('HGET', LEASES, member)
  if record then
    return read_lease(member, record)
  end
end

-- The next value of a counter; if it holds something else, or more than can be told apart, it begins anew at `least`.
local function next_number(key, least)
  local number = redis.pcall('INCR', key)
  if type(number) ~= 'number' or number >= EXACT or number < 0 then
    local value = redis.pcall('GET', key)
    put_aside(key, '', type(value) == 'string' and value or '')
    number = 0
  end
  if number < least then
    number = least
    redis.call('SET', key, text(number))
  end
  return number
end

-- nil if this token holds the entry's lease; else why not: fenced (the job is in the queue) or gone.
local function refusal(member, token, job_id)
  if member ~= '' then
    local held = lease_of(member)
    if held == token then
      return nil
    end
    if held or redis.call('ZSCORE', WHEN, member) or redis.call('ZSCORE', READY, member) then
      return 'fenced'
    end
  end
  local known = redis.call('HGET', JOBS, job_id)
  return known and known ~= 'e' and 'fenced' or 'gone'
end

-- Takes all records of an entry away, and the entry itself.
local function forget(member, stream, id)
  redis.call('HDEL', LEASES, member)
  redis.call('HDEL', TRIED, member)
  redis.call('ZREM', WHEN, member)
  redis.call('ZREM', READY, member)
  redis.call('ZREM', HELD, member)
  redis.pcall('XACK', stream, GROUP, id)
  redis.pcall('XDEL', stream, id)
end

-- The job's id is free again, unless it stands for another entry. An id that an ack has pushed (r) is remembered.
local function end_job(job_id, stream, id, until_ms)
  local known = redis.call('HGET', JOBS, job_id)
  if not known or string.sub(known, 3) ~= stream .. ' ' .. id then
    return
  end
  if until_ms and string.sub(known, 1, 1) == 'r' then
    redis.call('HSET', JOBS, job_id, 'e')
    redis.call('ZADD', ENDED, until_ms, job_id)
  else
    redis.call('HDEL', JOBS, job_id)
  end
end

-- Pushes a job; 0 if its id is in the queue, or (mark r) remembered. mark: w pushed by a producer, r by an ack.
local function push(mark, now, stream, guild, channel, kind, job_id, json)
  local known = redis.call('HGET', JOBS, job_id)
  if known == 'e' then
    if mark == 'r' and tonumber(redis.call('ZSCORE', ENDED, job_id) or 0) > now then
      return 0
    end
    redis.call('ZREM', ENDED, job_id)
  elseif known then
    local at, id = string.match(known, '^. (.*) (%d+%-%d+)$')
    local there = at and redis.pcall('XRANGE', at, id, id)
    if not at then
      put_aside(JOBS, job_id, known)
    elseif not there.err and #there > 0 then
      return 0
    end
  end
  local id = redis.call('XADD', stream, '*', 'job', json, 'guild_id', guild, 'channel_id', channel, 'job_type', kind,
    'job_id', job_id)
  redis.call('HSET', JOBS, job_id, mark .. ' ' .. stream .. ' ' .. id)
  return 1
end

-- Keeps a dead letter: what is known of it, then the entry's own fields as they were.
local function keep_dead(known, fields)
  local words = {}
  for name, value in pairs(known) do
    words[#words + 1] = 'dead_' .. name
    words[#words + 1] = value
  end
  for i = 1, math.min(#fields, 4000) do
    words[#words + 1] = fields[i]
  end
  local number = next_number(LAST, 1)
  local added = redis.pcall('XADD', DEAD, text(number) .. '-0', unpack(words))
  if type(added) == 'table' and added.err then
    -- An id of somebody else's stands before this one.
    local last = tonumber(string.match(field(redis.call('XINFO', 'STREAM', DEAD), 'last-generated-id'), '^%d+'))
    if last >= EXACT then
      put_aside(DEAD, text(last), 'no id is left above it')
      redis.call('RENAME', DEAD, ASIDE .. ':' .. DEAD)
      last = 0
    end
    number = last + 1
    redis.call('SET', LAST, text(number))
    redis.call('XADD', DEAD, text(number) .. '-0', unpack(words))
  end
end

-- Moves an entry to the dead letters. read_id: the id that its holder has read in the job, or nil.
local function bury(member, fields, attempts, reason, now, read_id)
  local class, stream, id = parts(member)
  local job_id = read_id or field(fields, 'job_id') or id
  local kind = field(fields, 'job_type') or string.match(stream, '([^:]*)$')
  local guild = field(fields, 'guild_id') or string.match(stream, '^jobs:guild:([^:]*)') or ''
  local channel = field(fields, 'channel_id') or ''
  local job = field(fields, 'job')
  keep_dead({kind = 0, job_id = job_id, type = kind, guild_id = guild, channel_id = channel, reason = reason,
    priority = class, attempts = attempts, died_ms = text(now), stream = stream, entry = id,
    summary = string.format('%s job of guild %s, channel %s, %d bytes', string.sub(kind, 1, 64),
      string.sub(guild, 1, 64), string.sub(channel, 1, 64), job and #job or 0)}, fields)
  forget(member, stream, id)
  end_job(field(fields, 'job_id') or job_id, stream, id)
end
