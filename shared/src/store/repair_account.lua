-- KEYS: account. ARGV: channel, id, then fields, each with what it holds and what it is to hold. What changed meanwhile
-- stays.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
for at = 3, #ARGV, 3 do
  if (redis.call('HGET', KEYS[1], ARGV[at]) or '') == ARGV[at + 1] then
    redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 2])
  end
end
local now = redis.call('HMGET', KEYS[1], 'generation', 'state')
redis.call('PUBLISH', ARGV[1], ARGV[2] .. ' ' .. (now[1] or '0') .. ' ' .. (now[2] or ''))
return 1
