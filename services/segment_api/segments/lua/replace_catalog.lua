-- Replaces the catalog, unless somebody else did since it was read, and tells the histories of the segments.
-- KEYS: catalog, then the history of each edited segment. ARGV: version that was read, next version, next document,
-- number of entries that a history keeps, then an entry for each history. Returns 1 when replaced, else 0.
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'document', ARGV[3])
for index = 2, #KEYS do
  redis.call('LPUSH', KEYS[index], ARGV[index + 3])
  redis.call('LTRIM', KEYS[index], 0, ARGV[4] - 1)
end
return 1
