-- bury.lua: ARGV: member, token, job id, now, reason. Returns ok, fenced or gone.
need_types()
local refused = refusal(ARGV[1], ARGV[2], ARGV[3])
if refused then
  return refused
end
local _, stream, id = parts(ARGV[1])
local _, attempts = lease_of(ARGV[1])
local found = redis.pcall('XRANGE', stream, id, id)
bury(ARGV[1], not found.err and found[1] and found[1][2] or {}, attempts, ARGV[5], tonumber(ARGV[4]),
  ARGV[3])
return 'ok'
