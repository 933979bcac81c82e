"""What happens when the ground goes away: stores restarted, processes killed, phones that vanish."""
