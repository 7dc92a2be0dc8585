-- Replaces the catalog, unless somebody else did since it was read.
-- KEYS: catalog. ARGV: version that was read, next version, next document. Returns 1 when replaced, else 0.
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'document', ARGV[3])
return 1
