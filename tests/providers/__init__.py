"""Third parties: the contract of each port, held against its simulator and, with credentials, against the party's own sandbox."""
