"""Tests: each speaks through the front door to a real bank on a real PostgreSQL and Valkey."""
