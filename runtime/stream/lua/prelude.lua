-- prelude.lua: stands before every script. The keys are told in docs/REDIS.md.
--
-- A member names an entry: "CLASS STREAM ID", such as "4 jobs:guild:7:batch 1700-0". CLASS is the priority, one digit.
local WHEN, READY = 'reelyard:when', 'reelyard:ready'
local LEASES, TRIED = 'reelyard:leases', 'reelyard:tried'
local JOBS, ENDED = 'reelyard:jobs', 'reelyard:ended'
local DEAD, SUMS = 'reelyard:dead', 'reelyard:dead:sums'
local GROUP = 'worker_group'
-- More than any time in milliseconds: READY is sorted by class, then time.
local SPAN = 8796093022208

-- Numbers beyond 2^47 would be printed with an exponent.
local function text(number)
  return string.format('%.0f', number)
end

local function parts(member)
  return string.match(member, '^(%d) (.*) (%d+%-%d+)$')
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

-- The token, attempts and owner of a leased entry.
local function lease_of(member)
  local record = redis.call('HGET', LEASES, member)
  if record then
    return string.match(record, '^(%d+) (%d+) (.*)$')
  end
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
    local there = redis.pcall('XRANGE', at, id, id)
    if not there.err and #there > 0 then
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
  local number = redis.call('INCR', 'reelyard:dead:last')
  redis.call('XADD', DEAD, text(number) .. '-0', unpack(words))
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
