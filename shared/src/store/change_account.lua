-- KEYS: account. ARGV: channel, id, then fields and values. An account that is gone stays gone.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
if #ARGV > 2 then
  redis.call('HSET', KEYS[1], unpack(ARGV, 3))
end
local now = redis.call('HMGET', KEYS[1], 'generation', 'state')
redis.call('PUBLISH', ARGV[1], ARGV[2] .. ' ' .. now[1] .. ' ' .. now[2])
return 1
