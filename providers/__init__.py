"""Third parties, one folder a port: the port, its adapters, its simulator."""
