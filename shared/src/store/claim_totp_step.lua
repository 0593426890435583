-- KEYS: totp-step. ARGV: step, seconds to keep it. A one-time code is typed once (RFC 6238, section 5.2).
local last = redis.call('GET', KEYS[1])
if last and tonumber(last) >= tonumber(ARGV[1]) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
