-- KEYS: login-lock, generation, account. ARGV: token, life in ms, the longest life that any lock has in ms.
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  -- One without an end is nobody's, and would keep everybody out.
  local left = redis.call('PTTL', KEYS[1])
  if left < 0 or left > tonumber(ARGV[3]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
  end
  return 0
end
local function whole(value)
  local is_whole = type(value) == 'string' and #value < 16 and string.find(value, '^%d+$')
  return is_whole and tonumber(value) or 0
end
-- Never one that was published before, even where the counter was lost.
local drawn = whole(redis.pcall('GET', KEYS[2]))
local published = whole(redis.pcall('HGET', KEYS[3], 'generation'))
local new = math.max(drawn, published) + 1
redis.call('SET', KEYS[2], string.format('%.0f', new))
return new
