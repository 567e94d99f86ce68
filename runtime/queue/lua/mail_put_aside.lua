-- mail_put_aside.lua: renames a key that is of another type than it should be. ARGV: the type. Returns 1 if it was.
local type = redis.call('TYPE', KEYS[1]).ok
if type == 'none' or type == ARGV[1] then
  return 0
end
redis.call('RENAME', KEYS[1], 'reelyard:malformed:' .. KEYS[1])
return 1
