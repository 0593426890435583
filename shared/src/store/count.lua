-- KEYS: counter. ARGV: its life in ms from the first count or '', the most that it may reach or ''. Gives the count, or
-- 0 where it would be more than the most. A counter that is none, or has lost its end, begins anew or gets one.
local count = redis.pcall('GET', KEYS[1])
local is_whole = type(count) == 'string' and #count < 16 and string.find(count, '^%d+$')
count = is_whole and tonumber(count) or 0
local left = redis.call('PTTL', KEYS[1])
if ARGV[1] ~= '' and is_whole and (left < 0 or left > tonumber(ARGV[1])) then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = ARGV[1]
end
if ARGV[2] ~= '' and count >= tonumber(ARGV[2]) then
  return 0
end
local value = string.format('%.0f', count + 1)
if ARGV[1] == '' then
  redis.call('SET', KEYS[1], value)
else
  redis.call('SET', KEYS[1], value, 'PX', is_whole and left or ARGV[1])
end
return count + 1
