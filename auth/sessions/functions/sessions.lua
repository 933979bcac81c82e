-- Sessions. Unless they say otherwise, functions take the keys session, list of the holder's sessions, epoch of the holder, and proof
-- where there is one.

local SEEN_STEP = 5000 -- A session that is used all the time is written once in so long.
local ENDED_LIFE = 86400000 -- So long an ended session is still told from one that never was.
local RANK = { browse = 1, general = 2, elevated = 3 }
-- Tiers above the lowest, which every living session has. Their fields: until when at most, from which sign-in on, without activity.
local UPPER_TIERS = {
    { name = 'general', rank = 2, ends = 'general_ends', auth = 'general_auth', idle = 'general_idle' },
    { name = 'elevated', rank = 3, ends = 'elevated_ends', auth = 'elevated_auth', idle = 'elevated_idle' },
}

local function read(key)
    local v = redis.call(
        'HMGET', key, 'jkt', 'acr', 'action', 'risk', 'ended', 'cur', 'used', 'seen', 'ends', 'auth_time', 'kept_at',
        'browse_idle', 'general_idle', 'elevated_idle', 'general_ends', 'general_auth', 'elevated_ends', 'elevated_auth'
    )
    if not v[1] then return nil end
    return {
        jkt = v[1], acr = v[2], action = v[3], risk = v[4], ended = v[5] or nil, cur = tonumber(v[6]), used = v[7] == '1',
        seen = tonumber(v[8]), ends = tonumber(v[9]), auth_time = tonumber(v[10]), kept_at = tonumber(v[11]) or 0,
        browse_idle = tonumber(v[12]), general_idle = tonumber(v[13]), elevated_idle = tonumber(v[14]),
        general_ends = tonumber(v[15]), general_auth = tonumber(v[16]), elevated_ends = tonumber(v[17]), elevated_auth = tonumber(v[18]),
    }
end

-- The caller's part, sealed. What is missing opens as badly as what is broken.
local function blob_of(key)
    return redis.call('HGET', key, 'blob') or '-'
end

-- If nobody does anything more.
local function ends_at(s)
    return math.min(s.ends, s.seen + s.browse_idle)
end

-- Why the session is dead, or nil.
local function cause(s, now, epoch)
    if s.ended then return s.ended end
    if epoch and s.auth_time < epoch and s.kept_at < epoch then return 'superseded' end
    if now >= s.ends then return 'absolute' end
    if now >= s.seen + s.browse_idle then return 'idle' end
    return nil
end

local function sid_of(session)
    local tag, rest = session:match('{(.-)}:(.+)$')
    return tag .. rest
end

local function close(session, list, now, why)
    redis.call('HSET', session, 'ended', why, 'ended_at', whole(now))
    redis.call('HDEL', session, 'blob')
    redis.call('PEXPIRE', session, ENDED_LIFE)
    redis.call('ZREM', list, sid_of(session))
end

-- The living session and its holder's epoch; or nil and the answer. What is found dead is ended for good: a clock that steps back
-- wakes nobody.
local function living(keys, now)
    local s = read(keys[1])
    if not s then return nil, 'gone' end
    if s.ended then return nil, words('ended', s.ended, 0) end
    local epoch = tonumber(redis.call('GET', keys[3]))
    local why = cause(s, now, epoch)
    if not why then return s, epoch end
    close(keys[1], keys[2], now, why)
    return nil, words('ended', why, 1)
end

local function has(s, tier, now)
    local ends = s[tier.ends]
    return ends and now < ends and now < s.seen + s[tier.idle]
end

local function tier_at(s, now)
    return has(s, UPPER_TIERS[2], now) and 'elevated' or has(s, UPPER_TIERS[1], now) and 'general' or 'browse'
end

-- The tier now. A tier that passed is forgotten, or later activity would bring it back.
local function settle(key, s, now)
    for i = 1, 2 do
        local tier = UPPER_TIERS[i]
        if s[tier.ends] and not has(s, tier, now) then
            redis.call('HDEL', key, tier.ends, tier.auth)
            s[tier.ends], s[tier.auth] = nil, nil
        end
    end
    return s.elevated_ends and 'elevated' or s.general_ends and 'general' or 'browse'
end

local function standing(s, tier)
    return words(tier, s.acr, whole(s.auth_time), s.risk, s.action)
end

local function saw(keys, s, now)
    s.seen = now
    redis.call('HSET', keys[1], 'seen', whole(now))
    redis.call('PEXPIRE', keys[1], whole(ends_at(s) - now + ENDED_LIFE))
    redis.call('ZADD', keys[2], 'XX', whole(ends_at(s)), sid_of(keys[1]))
end

-- Notes a proof; false where it was here before.
local function is_fresh(proof, life)
    return not proof or redis.call('SET', proof, '', 'NX', 'PX', life) ~= false
end

-- The tier that a token can use: one from before the session reached its tier does not carry it.
local function carried(s, tier, token_auth)
    if tier == 'elevated' and token_auth < math.floor(s.elevated_auth / 1000) then
        tier = s.general_ends and 'general' or 'browse'
    end
    if tier == 'general' and token_auth < math.floor(s.general_auth / 1000) then tier = 'browse' end
    return tier
end

local function needed(s, tier, usable, wanted)
    if s.action ~= 'allow' then return s.action end
    if RANK[usable] >= RANK[wanted] then return 'nothing' end
    return RANK[tier] >= RANK[wanted] and 'new_token' or 'step_up'
end

-- One request: args are jkt, the token's n and auth_time (seconds), is_activity, tier wanted, life of the proof.
-- Status, first that applies: gone, ended, other_device, stale_token, proof_seen, alive.
local function touch(keys, args)
    local now, token_auth = clock(keys[1]), tonumber(args[3])
    local s, epoch = living(keys, now)
    if not s then return epoch end
    if s.jkt ~= args[1] then return 'other_device' end
    if epoch and s.kept_at < epoch and token_auth < math.floor(epoch / 1000) then return 'stale_token' end
    if not is_fresh(keys[4], args[6]) then return 'proof_seen' end
    if not s.used and s.cur == tonumber(args[2]) then redis.call('HSET', keys[1], 'used', 1) end
    local tier = settle(keys[1], s, now)
    -- A tier of two seconds' idle time needs finer steps than one of minutes.
    if args[4] == '1' and now - s.seen >= math.min(SEEN_STEP, s[tier .. '_idle'] / 20) then saw(keys, s, now) end
    local usable = carried(s, tier, token_auth)
    return words('alive', standing(s, usable), needed(s, tier, usable, args[5]))
end

-- Which way a refresh with counter n goes.
local function turn(s, n, rotated_at, window, now)
    if n == s.cur then return 'rotated' end
    -- The server lost its last second; a genuine token of the successor says that there was one.
    if n == s.cur + 1 then return 'healed' end
    if n ~= s.cur - 1 or s.used then return 'reused' end
    return now - rotated_at <= window and 'replayed' or 'late'
end

-- One refresh by a genuine token: args are n, jkt, life of the proof.
-- Status, first that applies: gone, ended, other_device, proof_seen, then reused, late, replayed, healed or rotated.
local function rotate(keys, args)
    local now, n = clock(keys[1]), tonumber(args[1])
    local s, answer = living(keys, now)
    if not s then return answer end
    local blob = blob_of(keys[1])
    if s.jkt ~= args[2] then
        close(keys[1], keys[2], now, 'other_device')
        return words('other_device', blob)
    end
    if not is_fresh(keys[4], args[3]) then return 'proof_seen' end
    local tier = settle(keys[1], s, now)
    local more = redis.call('HMGET', keys[1], 'rotated_at', tier .. '_window', 'replayed')
    local status, replayed = turn(s, n, tonumber(more[1]), tonumber(more[2]), now), more[3]
    if status == 'reused' or status == 'late' then
        close(keys[1], keys[2], now, status)
        return words(status, blob)
    elseif status == 'replayed' then
        replayed = redis.call('HINCRBY', keys[1], 'replayed', 1)
    else
        s.cur = n + 1
        redis.call('HSET', keys[1], 'cur', whole(s.cur), 'used', 0, 'rotated_at', whole(now))
    end
    return words(status, standing(s, tier), whole(s.cur), replayed, blob)
end

-- Gives tiers, from a sign-in at auth_time on. The lower tier comes with the higher, but does not begin anew by it: its absolute limit
-- is one.
local function reach(key, s, rank, auth_time, now)
    for i = 1, 2 do
        local tier = UPPER_TIERS[i]
        if tier.rank == rank or (tier.rank < rank and not s[tier.ends]) then
            if not s[tier.ends] then redis.call('HSET', key, tier.auth, whole(auth_time)) end
            s[tier.ends] = math.min(auth_time, now) + redis.call('HGET', key, tier.name .. '_absolute')
            redis.call('HSET', key, tier.ends, whole(s[tier.ends]))
        end
    end
end

-- After a step-up: args are tier, acr, auth_time. It is activity, and answers a wish for a step-up.
local function raise_tier(keys, args)
    local now, rank, auth_time = clock(keys[1]), RANK[args[1]], tonumber(args[3])
    local s, epoch = living(keys, now)
    if not s then return epoch end
    if epoch and auth_time < epoch then return 'stale_token' end
    settle(keys[1], s, now)
    saw(keys, s, now)
    reach(keys[1], s, rank, auth_time, now)
    local tier = tier_at(s, now)
    s.auth_time = math.max(s.auth_time, auth_time)
    if rank >= RANK[tier] then s.acr = args[2] end
    if s.action == 'step_up' then s.action = 'allow' end
    redis.call('HSET', keys[1], 'auth_time', whole(s.auth_time), 'acr', s.acr, 'action', s.action)
    return words('alive', standing(s, tier), 'nothing')
end

-- Args are names and values of fields.
local function write(keys, args)
    local s, answer = living(keys, clock(keys[1]))
    if not s then return answer end
    redis.call('HSET', keys[1], unpack(args))
    return 'alive'
end

-- Args are the sealed part as it was and as it is to be; what somebody else wrote meanwhile stays.
local function reseal(keys, args)
    if blob_of(keys[1]) == args[1] then redis.call('HSET', keys[1], 'blob', args[2]) end
    return 'done'
end

-- Ends one that lives; whether it did.
local function stop(session, list, now, why)
    local was = redis.call('HMGET', session, 'jkt', 'ended')
    if not was[1] or was[2] then return false end
    close(session, list, now, why)
    return true
end

-- Keys are list and sessions; the arg is the reason. Tells the sids of those that lived.
local function revoke(keys, args)
    local now, ended = clock(keys[1]), {}
    for i = 2, #keys do
        if stop(keys[i], keys[1], now, args[1]) then ended[#ended + 1] = sid_of(keys[i]) end
    end
    return table.concat(ended, ' ')
end

-- Keys are epoch and, where one is kept, its session; the epoch only ever rises.
local function set_epoch(keys, args)
    local now, before, at = clock(keys[1]), tonumber(redis.call('GET', keys[1])), tonumber(args[1])
    local kept = keys[2] and read(keys[2])
    at = math.max(at, before or 0)
    if kept and not cause(kept, now, before) then redis.call('HSET', keys[2], 'kept_at', whole(at)) end
    redis.call('SET', keys[1], whole(at))
    return whole(at)
end

-- Keys are epoch and sessions: one text each, empty for what does not live.
local function look(keys)
    local now, epoch, found = clock(keys[1]), tonumber(redis.call('GET', keys[1])), {}
    for i = 2, #keys do
        local s = read(keys[i])
        found[i - 1] = ''
        if s and not cause(s, now, epoch) then
            local created = redis.call('HGET', keys[i], 'created')
            found[i - 1] = words(standing(s, tier_at(s, now)), created, whole(s.seen), whole(ends_at(s)), blob_of(keys[i]))
        end
    end
    return found
end

register('touch', touch)
register('rotate', rotate)
register('raise_tier', raise_tier)
register('write', write)
register('reseal', reseal)
register('revoke', revoke, ENDS)
register('set_epoch', set_epoch, ENDS)
register('look', look, READS)
