"""The HTTP door: what programs ask for, in the shapes of the contract. CrewAI stays in the worker."""
