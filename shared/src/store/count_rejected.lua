-- KEYS: rejected accounts of a site. ARGV: id, window in ms.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if type(redis.pcall('ZADD', KEYS[1], now, ARGV[1])) == 'table' then
  -- It is no sorted set, so it is nobody's.
  redis.call('PEXPIRE', KEYS[1], 0)
  redis.call('ZADD', KEYS[1], now, ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf')
return redis.call('ZCARD', KEYS[1])
