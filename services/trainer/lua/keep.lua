-- Stores a training, unless somebody else did since it was read: where it is, what it holds, the snapshot it has made.
-- KEYS: the training, the snapshots, the trainings, the catalog, the moves. ARGV: digest and offset that are stored by now ('' for
-- none); the catalog's version as far as it is known, the number of the live snapshot ('' for none), how many snapshots
-- are kept, the model; digest, partition, offset, samples, moment, format, state ('' for the same as before) and its
-- checksum; number, bytes and moves of the snapshot ('' for none). Returns 1 when stored, else 0.
local stored = redis.call('HMGET', KEYS[1], 'definition', 'offset')
if (stored[1] or '') ~= ARGV[1] or (stored[2] or '') ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 'definition', ARGV[7], 'partition', ARGV[8], 'offset', ARGV[9], 'samples', ARGV[10],
  'at_ms', ARGV[11], 'format', ARGV[12])
if ARGV[13] ~= '' then
  redis.call('HSET', KEYS[1], 'state', ARGV[13], 'checksum', ARGV[14])
end
redis.call('HSETNX', KEYS[3], ARGV[6], '')
if ARGV[15] == '' then
  return 1
end
redis.call('HSET', KEYS[2], ARGV[15], ARGV[16])
redis.call('SET', KEYS[5], ARGV[17])
-- Whoever makes an older snapshot live does so in the catalog: it must not go before that is known.
if (redis.call('HGET', KEYS[4], 'version') or '0') == ARGV[3] then
  local numbers = redis.call('HKEYS', KEYS[2])
  table.sort(numbers, function(one, other) return (tonumber(one) or 0) > (tonumber(other) or 0) end)
  for index = ARGV[5] + 1, #numbers do
    if numbers[index] ~= ARGV[4] then
      redis.call('HDEL', KEYS[2], numbers[index])
    end
  end
end
return 1
