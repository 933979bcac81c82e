async def load(connection):
    return None
