"""What is being done: the case and its handoffs, the shared task list, and what it all cost."""
