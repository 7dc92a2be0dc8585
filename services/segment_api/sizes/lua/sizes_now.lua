-- The sizes of all segments in one partition at a moment.
-- KEYS: turn, spaces, sizes, then the sizes in each stretch of time that is over at the moment, last the moments of
--       the stretch that it is in.
-- ARGV: the wheel that the keys were chosen by, the moment, the begin and the end of the last stretch.
-- Returns the wheel that is in force and when the worker last wrote, since there is no telling what was before; and
--       where the keys are right, MessagePack: spaces, and counters each with its users.
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
local over = moment - tonumber(ARGV[3])
for _, records in ipairs(redis.call('LRANGE', KEYS[#KEYS], 0, -1)) do
  for at = 1, #records, 8 do
    -- A record has 27 bits of time, 36 of counter and one that tells whether a user goes; here in two halves.
    local low, high = struct.unpack('<I4I4', records, at)
    if math.floor(high / 32) < over then
      local counter = high % 32 * 2147483648 + math.floor(low / 2)
      users[counter] = (users[counter] or 0) + 1 - low % 2 * 2
    end
  end
end
local flat = {}
for counter, number in pairs(users) do
  if number ~= 0 then
    flat[#flat + 1] = counter
    flat[#flat + 1] = number
  end
end
return {wheel, written, cmsgpack.pack({redis.call('LRANGE', KEYS[2], 0, -1), flat})}
