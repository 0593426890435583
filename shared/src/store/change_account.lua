-- KEYS: account. ARGV: channel, id, the states of which it must be in one, then fields and values. An account that is
-- gone stays gone, and one whose state is a word that nobody here knows stays as it is.
local state = redis.pcall('HGET', KEYS[1], 'state')
if type(state) ~= 'string' or state == '' or string.find(state, ' ', 1, true)
  or not string.find(ARGV[3], ' ' .. state .. ' ', 1, true) then
  return 0
end
if #ARGV > 3 then
  redis.call('HSET', KEYS[1], unpack(ARGV, 4))
end
local now = redis.call('HMGET', KEYS[1], 'generation', 'state')
redis.call('PUBLISH', ARGV[1], ARGV[2] .. ' ' .. (now[1] or '0') .. ' ' .. now[2])
return 1
