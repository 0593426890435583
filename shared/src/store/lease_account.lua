-- What comes before lease.lua where the place is an account's.
-- KEYS: leases, rate, cooldown. ARGV: as there, then the account's own key, then the pools that will do, if not all.
-- The account's key is of the same slot and only read. It is not among KEYS: Redis takes each of those for one that is
-- written, and adapters may not write it.
local account = redis.call('HMGET', ARGV[6], 'state', 'pools')
if not account[1] or account[1] == 'disabled' then
  return {'gone', '', 0}
end
if #ARGV > 6 then
  local pools = ' ' .. (account[2] or '') .. ' '
  local will_do = false
  for at = 7, #ARGV do
    will_do = will_do or string.find(pools, ' ' .. ARGV[at] .. ' ', 1, true) ~= nil
  end
  if not will_do then
    return {'gone', '', 0}
  end
end
local cooling = redis.call('GET', KEYS[3])
if cooling then
  return {'cooling', cooling, redis.call('PTTL', KEYS[3])}
end
