-- Rates: how often somebody may try, and how often it failed.

-- Args are period and burst: so many at once, then evenly so many a period. 0, or how long to wait.
local function allow(keys, args)
    local now, period = clock(keys[1]), tonumber(args[1])
    local step = period / tonumber(args[2])
    local tat = math.max(now, tonumber(redis.call('GET', keys[1])) or 0) + step
    if tat - period > now then return whole(math.ceil(tat - period - now)) end
    redis.call('SET', keys[1], string.format('%.3f', tat), 'PX', whole(math.ceil(tat - now)))
    return '0'
end

local BIN, BINS = 300000, 12 -- Five minutes; an hour of them.

-- Failures of the last hour. The arg is how many to add.
local function failures(keys, args)
    local bin, count = math.floor(clock(keys[1]) / BIN), 0
    if args[1] ~= '0' then
        redis.call('HINCRBY', keys[1], whole(bin), args[1])
        redis.call('PEXPIRE', keys[1], BIN * BINS)
    end
    local held = redis.call('HGETALL', keys[1])
    for i = 1, #held, 2 do
        if tonumber(held[i]) > bin - BINS then
            count = count + tonumber(held[i + 1])
        elseif args[1] ~= '0' then
            redis.call('HDEL', keys[1], held[i])
        end
    end
    return whole(count)
end

-- Sign-ins of one network in this and the last five minutes. Keys are counts and two sketches, taken in turn; args are
-- user ('' only asks), failed. Tells tries, failures and distinct users.
local function stuffing(keys, args)
    local bin = math.floor(clock(keys[1]) / BIN)
    local here, there = bin % 2, (bin + 1) % 2
    local bins = redis.call('HMGET', keys[1], 'bin' .. here, 'bin' .. there, 'tried' .. there, 'failed' .. there)
    if tonumber(bins[1]) ~= bin then
        redis.call('DEL', keys[2 + here])
        redis.call('HSET', keys[1], 'bin' .. here, whole(bin), 'tried' .. here, 0, 'failed' .. here, 0)
    end
    if args[1] ~= '' then
        redis.call('PFADD', keys[2 + here], args[1])
        redis.call('HINCRBY', keys[1], 'tried' .. here, 1)
        redis.call('HINCRBY', keys[1], 'failed' .. here, args[2])
    end
    for i = 1, 3 do redis.call('PEXPIRE', keys[i], 2 * BIN) end
    local counts = redis.call('HMGET', keys[1], 'tried' .. here, 'failed' .. here)
    local tried, failed = tonumber(counts[1]), tonumber(counts[2])
    if tonumber(bins[2]) ~= bin - 1 then return words(tried, failed, redis.call('PFCOUNT', keys[2 + here])) end
    return words(tried + bins[3], failed + bins[4], redis.call('PFCOUNT', keys[2], keys[3]))
end

register('allow', allow)
register('failures', failures)
register('stuffing', stuffing)
