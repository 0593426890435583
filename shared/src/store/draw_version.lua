-- KEYS: account. Two who change the credentials at once draw two versions. What was drawn is remembered beside what is
-- stored: credentials are sealed with their version, so it is drawn before they are there.
local there = redis.pcall('HGET', KEYS[1], 'site')
if type(there) ~= 'string' then
  return 0
end
local new = 0
for _, field in ipairs({'credentials_drawn', 'credentials_version', 'rejected_version'}) do
  local value = redis.call('HGET', KEYS[1], field)
  if value and #value < 16 and string.find(value, '^%d+$') then
    new = math.max(new, tonumber(value))
  end
end
redis.call('HSET', KEYS[1], 'credentials_drawn', string.format('%.0f', new + 1))
return new + 1
