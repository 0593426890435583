-- KEYS: totp-step. ARGV: step, seconds to keep it. A one-time code is typed once (RFC 6238, section 5.2).
-- What is no number, or has no end, was written by nobody here.
local last = redis.pcall('GET', KEYS[1])
last = type(last) == 'string' and redis.call('PTTL', KEYS[1]) >= 0 and tonumber(last)
if last and last >= tonumber(ARGV[1]) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
