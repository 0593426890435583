-- KEYS: leases, cooldown. ARGV: token, limit, ttl in ms.
local cooling = redis.call('GET', KEYS[2])
if cooling then
  return {'cooling', cooling}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return {'full', ''}
end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
-- Every lease has the same ttl, so the newest outlives the others.
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {'held', ''}
