-- Writes what a batch of records made of some users, and moves the partition's watermark past the batch: all of it,
-- or nothing when the watermark is not where the batch begins.
--
-- KEYS: watermark, index of users, then a profile and a membership for each user.
-- ARGV: where the batch begins, where it ends, then member, latest event, profile and membership for each user;
--       an empty profile leaves the stored one as it is.
-- Returns where the watermark now is.
local watermark = redis.call('GET', KEYS[1]) or '0'
if watermark ~= ARGV[1] then
  return watermark
end
local user = 0
for at = 3, #ARGV, 4 do
  if ARGV[at + 2] ~= '' then
    redis.call('SET', KEYS[3 + user * 2], ARGV[at + 2])
  end
  redis.call('SET', KEYS[4 + user * 2], ARGV[at + 3])
  redis.call('ZADD', KEYS[2], ARGV[at + 1], ARGV[at])
  user = user + 1
end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
