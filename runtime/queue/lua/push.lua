-- push.lua: ARGV: now, how a cursor is set (0 not, 1 stored, 2 removed), its key, the cursor, then for each job stream,
-- guild, channel, type, id, JSON. Returns how many were new.
need_types()
local accepted = 0
for i = 5, #ARGV - 5, 6 do
  accepted = accepted + push('w', tonumber(ARGV[1]), ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5])
end
if ARGV[2] == '1' then
  redis.call('HSET', 'reelyard:cursors', ARGV[3], ARGV[4])
elseif ARGV[2] == '2' then
  redis.call('HDEL', 'reelyard:cursors', ARGV[3])
end
return accepted
