-- KEYS: generation, session, account, cooldown, state. ARGV: generation, record, expiry in ms, channel, id, the
-- reason of a cooldown that a new session ends, the record of what the browser kept or '', the states of which the
-- account must be in one, then account fields.
-- Only the newest generation drawn may publish, and only for an account that is there, known and switched on.
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
local state = redis.pcall('HGET', KEYS[3], 'state')
if type(state) ~= 'string' or state == '' or string.find(state, ' ', 1, true)
  or not string.find(ARGV[8], ' ' .. state .. ' ', 1, true) then
  return 0
end
-- One command sets value and expiry: a script that dies half-way is not rolled back.
redis.call('SET', KEYS[2], ARGV[2], 'PXAT', ARGV[3])
redis.call('HSET', KEYS[3], unpack(ARGV, 9))
if ARGV[7] == '' then
  redis.call('DEL', KEYS[5])
else
  redis.call('SET', KEYS[5], ARGV[7])
end
if redis.pcall('GET', KEYS[4]) == ARGV[6] then
  redis.call('DEL', KEYS[4])
end
redis.call('PUBLISH', ARGV[4], ARGV[5] .. ' ' .. ARGV[1] .. ' active')
return 1
