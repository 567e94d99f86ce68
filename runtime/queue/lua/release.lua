-- release.lua: ends the leases of consumers. ARGV: how their names begin, the one that is left alone (or ''), now.
-- Returns how many.
need_types()
local released, cursor = 0, '0'
repeat
  local page = redis.call('HSCAN', LEASES, cursor, 'COUNT', 1000)
  cursor = page[1]
  for i = 1, #page[2], 2 do
    local member = page[2][i]
    local token, attempts, owner = read_lease(member, page[2][i + 1])
    if token and string.sub(owner, 1, #ARGV[1]) == ARGV[1] and (ARGV[2] == '' or owner ~= ARGV[2]) and
      redis.call('HDEL', LEASES, member) == 1 then
      redis.call('HSET', TRIED, member, attempts)
      redis.call('ZREM', WHEN, member)
      make_ready(member, tonumber(ARGV[3]))
      released = released + 1
    end
  end
until cursor == '0'
return released
