-- survey.lua: looks after streams, a few at a time. KEYS: streams. ARGV: now, a lease, classes (a digit each), node, and
-- how long this node's own consumer has been a new one (its previous incarnation's entries are idle for longer; -1: not asked).
-- Returns a number of entries and the time of the oldest unread one (0: none) for each stream, -1 for one that is gone.
--
-- An entry that is pending but in none of reelyard's records was taken by a consumer that died before it could say so,
-- or by a program that keeps no records. When it is idle for a lease, it is ready.
local now, lease, classes, node, own_idle = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local function adopt(at, pending)
  for _, entry in ipairs(pending) do
    local member = string.sub(classes, at, at) .. ' ' .. KEYS[at] .. ' ' .. entry[1]
    if not redis.call('HGET', LEASES, member) and not redis.call('ZSCORE', WHEN, member) and
      not redis.call('ZSCORE', READY, member) then
      make_ready(member, now)
    end
  end
end

local function walk(at, idle, consumer)
  local from = '-'
  for _ = 1, 20 do
    local words = {'XPENDING', KEYS[at], GROUP, 'IDLE', idle, from, '+', '100'}
    words[#words + 1] = consumer
    local pending = redis.pcall(unpack(words))
    if pending.err or #pending == 0 then
      return
    end
    adopt(at, pending)
    from = '(' .. pending[#pending][1]
  end
end

local result = {}
for at, stream in ipairs(KEYS) do
  local length = redis.pcall('XLEN', stream)
  local oldest = 0
  -- Most streams are empty, and stay cheap; the first time around nothing is taken on trust.
  local groups = (type(length) == 'table' or length > 0 or own_idle ~= '-1') and redis.pcall('XINFO', 'GROUPS', stream)
  if groups and groups.err then
    length = -1
  elseif groups then
    local mine
    for _, group in ipairs(groups) do
      if field(group, 'name') == GROUP then
        mine = group
      end
    end
    if mine and field(mine, 'pending') > 0 then
      walk(at, lease, nil)
      if own_idle ~= '-1' then
        walk(at, own_idle, node)
      end
    end
    if not mine or field(mine, 'pending') < length then
      local unread = redis.call('XRANGE', stream, mine and '(' .. field(mine, 'last-delivered-id') or '-', '+', 'COUNT', 1)
      oldest = unread[1] and string.match(unread[1][1], '^%d+') or 0
    end
  end
  result[#result + 1] = length
  result[#result + 1] = oldest
end
return result
