-- How the size of one segment in one partition changes from stretch to stretch of time.
-- KEYS: turn, spaces, sizes, then the sizes in each stretch.
-- ARGV: the wheel that the keys were chosen by, the moment, the space, the segment's ordinal, and how many counters a
--       space has.
-- Returns the wheel that is in force and when the worker last wrote; and where the keys are right, MessagePack: the
--       users so far, then each change.
local written, wheel = string.match(redis.call('GET', KEYS[1]) or '', ' (%S+) (.*)')
written, wheel = written or ARGV[2], wheel or ''
if wheel ~= ARGV[1] then
  return {wheel, written}
end
local place = redis.call('LPOS', KEYS[2], ARGV[3])
local changes = {}
if place then
  local counter = string.format('%.0f', place * tonumber(ARGV[5]) + tonumber(ARGV[4]))
  for at = 3, #KEYS do
    changes[at - 2] = tonumber(redis.call('HGET', KEYS[at], counter) or 0)
  end
end
return {wheel, written, cmsgpack.pack(changes)}
