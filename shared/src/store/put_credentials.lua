-- KEYS: account, credentials, state. ARGV: version, record. What a browser kept goes: it may be another person's. Of
-- two versions the later one stays, in whatever order they come.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local stored = redis.call('HGET', KEYS[1], 'credentials_version')
if stored and #stored < 16 and string.find(stored, '^%d+$') and tonumber(stored) > tonumber(ARGV[1]) then
  return 1
end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[1], 'credentials_version', ARGV[1])
return 1
