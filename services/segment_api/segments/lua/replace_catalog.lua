-- Replaces the catalog, unless somebody else did since it was read, and tells the histories of the segments.
-- KEYS: catalog, a hash that the catalog refers to, then the history of each edited segment. ARGV: version that was
-- read, next version, next document, number of entries that a history keeps, the field of the hash that has to be there
-- ('' for none), then an entry for each history. Returns 1 when replaced, 0 when somebody else did, -1 without the field.
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then
  return 0
end
if ARGV[5] ~= '' and redis.call('HEXISTS', KEYS[2], ARGV[5]) == 0 then
  return -1
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'document', ARGV[3])
for index = 3, #KEYS do
  redis.call('LPUSH', KEYS[index], ARGV[index + 3])
  redis.call('LTRIM', KEYS[index], 0, ARGV[4] - 1)
end
return 1
