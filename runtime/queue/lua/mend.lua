-- mend.lua: renames keys of ours that are of another type, so that all the rest goes on without them. Returns their names.
local types = {[WHEN] = 'zset', [READY] = 'zset', [HELD] = 'zset', [LEASES] = 'hash', [TRIED] = 'hash', [JOBS] = 'hash',
  [ENDED] = 'zset', [DEAD] = 'stream', [SUMS] = 'hash', [LAST] = 'string', [TOKEN] = 'string', ['reelyard:cursors'] = 'hash'}
local mended = {}
for key, type in pairs(types) do
  local is = redis.call('TYPE', key).ok
  if is ~= 'none' and is ~= type then
    redis.call('RENAME', key, ASIDE .. ':' .. key)
    redis.pcall('INCR', ASIDE_COUNT)
    mended[#mended + 1] = key
  end
end
return mended
