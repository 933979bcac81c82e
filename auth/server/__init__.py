"""The authorization server without its stores: load a snapshot, let Authlib judge it, commit the plan, answer with what the commit said."""
