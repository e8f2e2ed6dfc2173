"""What every family stands on. Layer 0: imports nothing else of kernlab but its exceptions."""
