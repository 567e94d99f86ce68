-- totals.lua: returns how many entries are leased, how many dead letters there are.
return {redis.call('HLEN', LEASES), redis.call('XLEN', DEAD)}
