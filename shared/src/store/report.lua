-- KEYS: services. ARGV: id, what it holds, ms after which a silent service is gone. By the clock of Redis: the services'
-- own may differ. Gives how many fields were no reports.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local report = string.format('%.0f', now) .. ' ' .. ARGV[2]
local junk = 0
if type(redis.pcall('HSET', KEYS[1], ARGV[1], report)) == 'table' then
  -- It is no hash, so it is nobody's.
  redis.call('PEXPIRE', KEYS[1], 0)
  redis.call('HSET', KEYS[1], ARGV[1], report)
  junk = 1
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local reports = redis.call('HGETALL', KEYS[1])
for index = 1, #reports, 2 do
  local at = string.match(reports[index + 1], '^(%d+) {')
  at = at and tonumber(at)
  if not at or at > now + ARGV[3] then
    redis.call('HDEL', KEYS[1], reports[index])
    junk = junk + 1
  elseif at + ARGV[3] < now then
    redis.call('HDEL', KEYS[1], reports[index])
  end
end
return junk
