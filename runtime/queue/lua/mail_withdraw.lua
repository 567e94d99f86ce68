-- mail_withdraw.lua: deletes an entry unless a reader has it. ARGV: its id. Returns 1 if it was nobody's.
local last = redis.pcall('XPENDING', KEYS[1], 'relay', ARGV[1], ARGV[1], 1)
if last.err == nil and #last > 0 then
  return 0
end
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
