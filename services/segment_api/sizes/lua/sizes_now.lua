-- The sizes of all segments in one partition at a moment.
-- KEYS: turn, spaces, sizes, then the sizes in each stretch of time that is over at the moment, last the moments of
--       the stretch that it is in.
-- ARGV: the wheel that the keys were chosen by, the moment, the begin and the end of the last stretch.
-- Returns the wheel that is in force and when the worker last wrote, since there is no telling what was before; and
--       where the keys are right, how much of the last stretch is over at the moment, MessagePack of spaces and of
--       counters each with its users before that stretch, and the stretch's records.
local written, wheel = string.match(redis.call('GET', KEYS[1]) or '', ' (%S+) (.*)')
written, wheel = written or ARGV[2], wheel or ''
local moment = math.max(tonumber(ARGV[2]), tonumber(written))
if wheel ~= ARGV[1] or moment > tonumber(ARGV[4]) then
  return {wheel, written}
end
local users = {}
for at = 3, #KEYS - 1 do
  local changes = redis.call('HGETALL', KEYS[at])
  for field = 1, #changes, 2 do
    local counter = tonumber(changes[field])
    users[counter] = (users[counter] or 0) + tonumber(changes[field + 1])
  end
end
local flat = {}
for counter, number in pairs(users) do
  if number ~= 0 then
    flat[#flat + 1] = counter
    flat[#flat + 1] = number
  end
end
local packed = cmsgpack.pack({redis.call('LRANGE', KEYS[2], 0, -1), flat})
return {wheel, written, moment - ARGV[3], packed, redis.call('LRANGE', KEYS[#KEYS], 0, -1)}
