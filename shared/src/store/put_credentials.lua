-- KEYS: account, credentials, state. ARGV: version, record, the version that the change was made from or ''. What a
-- browser kept goes: it may be another person's. Who was overtaken stores nothing: a part of what is there would be
-- made from what was there before.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local stored = redis.call('HGET', KEYS[1], 'credentials_version')
local is_version = stored and #stored < 16 and string.find(stored, '^%d+$')
if ARGV[3] ~= '' and stored ~= ARGV[3] or is_version and tonumber(stored) > tonumber(ARGV[1]) then
  return 2
end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[1], 'credentials_version', ARGV[1])
return 1
