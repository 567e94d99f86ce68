-- mail_add.lua: adds an entry to a stream and rings its bell. ARGV: seconds until the stream goes (0: never), fields. Returns the entry's id.
local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
if ARGV[1] ~= '0' then
  redis.call('EXPIRE', KEYS[1], ARGV[1])
end
redis.call('PUBLISH', 'reelyard:bell:' .. KEYS[1], '')
return id
