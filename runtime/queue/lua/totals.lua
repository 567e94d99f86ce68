-- totals.lua: returns how many entries are leased, how many dead letters there are, how much was put aside ever.
local aside = redis.pcall('GET', ASIDE_COUNT)
return {redis.call('HLEN', LEASES), redis.call('XLEN', DEAD), type(aside) == 'string' and tonumber(aside) or 0}
