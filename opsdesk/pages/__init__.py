"""One Streamlit page a file. Pages read the database and leave requests in it; the worker does the work."""
