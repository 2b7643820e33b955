"""The certificates of one incarnation of a cluster: made in memory, and looked at again."""
