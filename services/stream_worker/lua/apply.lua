-- Writes what a batch of records made of some users and of the sizes of segments, and moves the partition's watermark
-- past the batch: all of it, or nothing when the watermark is not where the batch begins, or when the last write to
-- the partition is another than the caller knows of.
--
-- KEYS: watermark, turn, index of users, spaces, sizes, refreshed, refreshing; then a profile and a membership for
--       each user; then for each stretch of time its sizes and its moments.
-- ARGV: where the batch begins, where it ends; the turn before and after; the counts, as below; the version that all
--       memberships have reached and how far those are that have not, each empty where nothing is to be said; then
--       member, latest event, profile and membership for each user; an empty profile leaves the stored one as it is.
-- Counts are MessagePack: new spaces; changes of the sizes; then for each stretch whether to forget its sizes, whether
--       to forget its moments, changes of its sizes, and records to add to its moments, maybe none.
-- Returns 1 when it wrote, else 0.
if (redis.call('GET', KEYS[1]) or '0') ~= ARGV[1] or (redis.call('GET', KEYS[2]) or '') ~= ARGV[3] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[4])
if ARGV[3] == '' then
  redis.call('DEL', KEYS[6]) -- what was written before there were turns is not counted: the pass has to come by again
end

local key = 8
for at = 8, #ARGV, 4 do
  if ARGV[at + 2] ~= '' then
    redis.call('SET', KEYS[key], ARGV[at + 2])
  end
  redis.call('SET', KEYS[key + 1], ARGV[at + 3])
  redis.call('ZADD', KEYS[3], ARGV[at + 1], ARGV[at])
  key = key + 2
end

local function add(name, changes)
  for at = 1, #changes, 2 do
    if redis.call('HINCRBY', name, changes[at], changes[at + 1]) == 0 then
      redis.call('HDEL', name, changes[at])
    end
  end
end

local spaces, over, stretches = unpack(cmsgpack.unpack(ARGV[5]))
for _, space in ipairs(spaces) do
  redis.call('RPUSH', KEYS[4], space)
end
add(KEYS[5], over)
for _, stretch in ipairs(stretches) do
  local forget_sizes, forget_moments, sizes, moments = unpack(stretch)
  if forget_sizes then
    redis.call('DEL', KEYS[key])
  end
  if forget_moments then
    redis.call('DEL', KEYS[key + 1])
  end
  add(KEYS[key], sizes)
  if moments ~= '' then
    redis.call('RPUSH', KEYS[key + 1], moments)
  end
  key = key + 2
end

if ARGV[6] ~= '' then
  redis.call('SET', KEYS[6], ARGV[6])
  redis.call('DEL', KEYS[7])
end
if ARGV[7] ~= '' then
  redis.call('SET', KEYS[7], ARGV[7])
end
return 1
