-- Grants a place, or says why not. The keys that it touches are of one slot: an account's, or a site's.
-- KEYS: leases, rate. ARGV: token, ttl in ms, places or '', turns in a minute or '', adapters that are gone or ''.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- What is no sorted set is nobody's, and what ends in hours is no lease: either would take places for ever.
if type(redis.pcall('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)) == 'table' then
  redis.call('PEXPIRE', KEYS[1], 0)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], string.format('%.0f', now + 3600000), '+inf')
if ARGV[5] ~= '' then
  -- Who is gone has taken or kept no place lately; who has is back, and was gone only when the asker last heard.
  local lately = now + ARGV[2] - 5000
  local places = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
  for index = 1, #places, 2 do
    local adapter = string.match(places[index], '^(%w+)%.')
    if adapter and tonumber(places[index + 1]) < lately and string.find(ARGV[5], adapter, 1, true) then
      redis.call('ZREM', KEYS[1], places[index])
    end
  end
end
if ARGV[3] ~= '' and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then
  return {'full', '', 0}
end
if ARGV[4] ~= '' then
  if type(redis.pcall('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 60000)) == 'table' then
    redis.call('PEXPIRE', KEYS[2], 0)
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[2], string.format('%.0f', now + 60000), '+inf')
  local over = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[4])
  if over >= 0 then
    -- There is room again when this one, and all before it, are a minute old.
    local last = redis.call('ZRANGE', KEYS[2], over, over, 'WITHSCORES')
    return {'spent', '', last[2] + 60000 - now}
  end
  redis.call('ZADD', KEYS[2], now, ARGV[1])
  redis.call('PEXPIRE', KEYS[2], 60000)
end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
-- Every lease has the same ttl, so the newest outlives the others.
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'held', '', 0}
