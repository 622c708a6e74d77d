"""The ways in: the command line today; the pages, the HTTP API and MCP stand beside it later."""
