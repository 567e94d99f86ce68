-- renew.lua: ARGV: member, token, job id, end of the lease, node. Returns ok, fenced or gone.
need_types()
local refused = refusal(ARGV[1], ARGV[2], ARGV[3])
if refused then
  return refused
end
local _, stream, id = parts(ARGV[1])
redis.call('ZADD', WHEN, ARGV[4], ARGV[1])
-- The pending list tells the same to whoever looks there: a holder that is alive.
redis.pcall('XCLAIM', stream, GROUP, ARGV[5], 0, id, 'JUSTID')
return 'ok'
