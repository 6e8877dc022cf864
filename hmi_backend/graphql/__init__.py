"""The GraphQL schema of the platform and how it is served."""
