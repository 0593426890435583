-- Says that an adapter is there, and answers who is not. By the clock of Redis, which may jump, and Redis may be away: a
-- time in which nobody could say so is nobody's absence.
-- KEYS: adapters. ARGV: id, the resumption after which its places were claimed or '' at its start, presence, gap, grace,
-- and how long one that is gone is remembered, in ms.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local presence, gap, grace, remembered = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local function whole(number) return string.format('%.0f', number) end
local state = redis.call('HMGET', KEYS[1], '-last', '-resumed', '-blind', ARGV[1])
local last, resumed, blind, mine = tonumber(state[1]), tonumber(state[2]) or 0, state[3], state[4]
local lost = ARGV[2] ~= '' and not mine
local was_away = last and (now - last > gap or now < last)
if was_away or (lost and (now < resumed or resumed + grace <= now)) then
  -- Who was not known when Redis was back the last time may not have come since, if it went again too soon.
  local unheard = blind == '1' and last and last < resumed + grace
  blind = (lost or unheard) and '1' or '0'
  -- Everybody who was there has a while to come back.
  local entries = redis.call('HGETALL', KEYS[1])
  for index = 1, #entries, 2 do
    local seen = tonumber(string.match(entries[index + 1], '^(%d+) '))
    if seen then
      local age = math.max((last or now) - seen, 0)
      seen = age < presence and now - presence + grace or now - age
      local claimed = string.match(entries[index + 1], ' (%d+)$')
      redis.call('HSET', KEYS[1], entries[index], whole(seen) .. ' ' .. claimed)
    end
  end
  resumed = now
end
local claimed = ARGV[2] == '' and resumed or tonumber(ARGV[2])
local seen = mine and tonumber(string.match(mine, '^(%d+)'))
-- Others may have given its places away.
if lost or (seen and now - seen >= presence and not was_away) then
  lost = true
end
redis.call('HSET', KEYS[1], ARGV[1], whole(now) .. ' ' .. whole(claimed), '-last', whole(now), '-resumed', whole(resumed),
  '-blind', blind or '0')
redis.call('PEXPIRE', KEYS[1], remembered * 10)
local open = true
local answer = {whole(resumed), lost and 1 or 0, 1}
local within_grace = now < resumed + grace
local entries = redis.call('HGETALL', KEYS[1])
for index = 1, #entries, 2 do
  local at, resumption = string.match(entries[index + 1], '^(%d+) (%d+)$')
  if at then
    local age = now - at
    if remembered <= age then
      redis.call('HDEL', KEYS[1], entries[index])
    elseif presence <= age then
      answer[#answer + 1] = entries[index]
    elseif within_grace and tonumber(resumption) ~= resumed then
      open = false
    end
  end
end
if within_grace and blind == '1' then
  open = false
end
answer[3] = open and 1 or 0
return answer
