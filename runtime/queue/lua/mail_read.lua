-- mail_read.lua: reads what nobody has read, of the first stream as long as that has any, then of the next. ARGV: the reader, how many.
local all, left = {}, tonumber(ARGV[2])
for i, key in ipairs(KEYS) do
  all[i] = {}
  if left > 0 then
    local got = redis.call('XREADGROUP', 'GROUP', 'relay', ARGV[1], 'COUNT', left, 'STREAMS', key, '>')
    if got then
      all[i] = got[1][2]
      left = left - #all[i]
    end
  end
end
return all
