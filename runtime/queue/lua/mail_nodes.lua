-- mail_nodes.lua: the names of nodes and their records, in turn. KEYS: the set of names. A name without a record is taken off.
local all = {}
for _, name in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local record = redis.pcall('GET', 'reelyard:node:' .. name)
  if type(record) == 'string' then
    all[#all + 1] = name
    all[#all + 1] = record
  else
    redis.call('SREM', KEYS[1], name)
  end
end
return all
