-- KEYS: services. ARGV: id, what it holds, ms after which a silent service is gone. By the clock of Redis: the services'
-- own may differ.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local reports = redis.call('HGETALL', KEYS[1])
for index = 1, #reports, 2 do
  if tonumber(string.match(reports[index + 1], '^%d+')) + ARGV[3] < now then
    redis.call('HDEL', KEYS[1], reports[index])
  end
end
return 1
