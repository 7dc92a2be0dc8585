-- Forgets the training of a model that is deleted, and all of its snapshots but the newest, unless the catalog was
-- edited since it was read.
-- KEYS: the training, the snapshots, the trainings, the catalog, the moves. ARGV: the catalog's version, the model.
if (redis.call('HGET', KEYS[4], 'version') or '0') ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1], KEYS[5])
local newest = 0
for _, number in ipairs(redis.call('HKEYS', KEYS[2])) do
  newest = math.max(newest, tonumber(number) or 0)
end
for _, number in ipairs(redis.call('HKEYS', KEYS[2])) do
  if tonumber(number) ~= newest then
    redis.call('HDEL', KEYS[2], number)
  end
end
redis.call('HDEL', KEYS[3], ARGV[2])
return 1
