-- KEYS: account. ARGV: channel, id, the state that it must have or '', then fields and values. An account that is
-- gone stays gone.
local state = redis.call('HGET', KEYS[1], 'state')
if not state or (ARGV[3] ~= '' and ARGV[3] ~= state) then
  return 0
end
if #ARGV > 3 then
  redis.call('HSET', KEYS[1], unpack(ARGV, 4))
end
local now = redis.call('HMGET', KEYS[1], 'generation', 'state')
redis.call('PUBLISH', ARGV[1], ARGV[2] .. ' ' .. now[1] .. ' ' .. now[2])
return 1
