-- What comes before lease.lua where the place is an account's.
-- KEYS: leases, rate, cooldown. ARGV: as there, then the account's own key, then the pools that will do, if not all.
-- The account's key is of the same slot and only read. It is not among KEYS: Redis takes each of those for one that is
-- written, and adapters may not write it.
local account = redis.pcall('HMGET', ARGV[6], 'state', 'pools')
-- A word that is none of these is damage, or a newer release's: nobody is served with what cannot be read.
local known = ' new refreshing active cooldown needs_human credentials_rejected site_locked '
if account.err or not account[1] or not string.find(known, ' ' .. account[1] .. ' ', 1, true) then
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
local cooling = redis.pcall('GET', KEYS[3])
if type(cooling) == 'table' then
  -- It is no text, so it is nobody's.
  redis.call('PEXPIRE', KEYS[3], 0)
elseif cooling then
  local left = redis.call('PTTL', KEYS[3])
  -- One without an end would never be over; no adapter sets one that is longer than an hour.
  if left < 0 or left > 3600000 then
    redis.call('PEXPIRE', KEYS[3], 60000)
    left = -1
  end
  return {'cooling', cooling, left}
end
