def caps(tariffs, **k):
    return ()


def check_one(caps, amount):
    return None
