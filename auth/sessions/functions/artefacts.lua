-- One-time artefacts: what is taken once, and rounds, of which each is answered once.

local function put(keys, args) -- Args are life, value.
    redis.call('SET', keys[1], words(whole(clock(keys[1]) + args[1]), args[2]), 'PX', args[1])
    return 'put'
end

local function valid(key, held)
    if not held then return nil end
    local ends, value = held:match('^(%d+) (.*)$')
    return clock(key) < tonumber(ends) and value or nil
end

local function take(keys)
    return valid(keys[1], redis.call('GETDEL', keys[1])) or ''
end

local function peek(keys)
    return valid(keys[1], redis.call('GET', keys[1])) or ''
end

local function begin_rounds(keys, args) -- Args are life of all rounds, tries, value.
    redis.call('HSET', keys[1], 'until', whole(clock(keys[1]) + args[1]), 'tries', args[2], 'blob', args[3])
    redis.call('PEXPIRE', keys[1], args[1])
    return 'put'
end

local function round(key)
    local r = redis.call('HMGET', key, 'until', 'tries', 'blob')
    local left = r[1] and tonumber(r[1]) - clock(key) or 0
    return left > 0 and r or nil, left
end

local function find_round(keys)
    local r = round(keys[1])
    return r and words('found', r[2], r[1], r[3] or '-') or 'gone'
end

-- The old round ends, whatever comes of it; keys are old and, unless it was the last, new. Args are tries that it cost, value.
local function end_round(keys, args)
    local r, left = round(keys[1])
    if not r then return 'gone' end
    redis.call('DEL', keys[1])
    if not keys[2] then return 'finished' end
    local tries = tonumber(r[2]) - tonumber(args[1])
    if tries <= 0 then return 'exhausted' end
    redis.call('HSET', keys[2], 'until', r[1], 'tries', tries, 'blob', args[2])
    redis.call('PEXPIRE', keys[2], whole(left))
    return words('advanced', tries, r[1])
end

register('put', put)
register('take', take)
register('peek', peek, READS)
register('begin_rounds', begin_rounds)
register('find_round', find_round, READS)
register('end_round', end_round)
